"""Network traffic: from packets and logs to flows, and from flows to what hosts do."""
