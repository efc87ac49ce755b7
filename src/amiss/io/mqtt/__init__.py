"""Messages from MQTT brokers, acknowledged once they are safe."""
