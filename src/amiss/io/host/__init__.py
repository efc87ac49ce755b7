"""This machine's own load, memory, disks, network and temperatures."""
