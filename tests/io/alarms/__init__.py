"""Channels, each against a real receiver of its protocol."""
