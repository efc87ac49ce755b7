"""Captured packets in files and pipes: pcap and pcapng, recognised by content."""
