"""Contracts that everything else stands on: no files, no clock, no threads."""
