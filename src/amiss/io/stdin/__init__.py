"""Lines from standard input, as they come."""
