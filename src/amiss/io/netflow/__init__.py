"""Flow exports as they arrive: NetFlow 5 and 9 and IPFIX over UDP."""
