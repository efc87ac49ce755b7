"""Logs and flow exports as text: recognised by content, read into traffic."""
