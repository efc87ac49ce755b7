"""Records pushed to us over HTTP: JSON, and InfluxDB's line protocol."""
