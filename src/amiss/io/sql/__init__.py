"""Databases: queries read as tables, results written to tables."""
