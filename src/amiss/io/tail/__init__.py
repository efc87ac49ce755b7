"""Lines from a file that grows, over rotations and restarts."""
