"""Compares two files against each other; judges scores and alarms against labels."""
