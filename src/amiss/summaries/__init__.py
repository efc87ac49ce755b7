"""Summaries of rows that merge exactly."""
