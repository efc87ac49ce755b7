"""Compares: two files against each other."""
