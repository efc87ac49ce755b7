"""What hosts do: one file each, and each finds hosts that behave in one way."""
