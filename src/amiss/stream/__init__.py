"""Live: read, decode, score, decide, explain, group, deliver, learn."""
