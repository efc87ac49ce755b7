"""Records from Kafka and brokers that speak its protocol, at offsets of our own."""
