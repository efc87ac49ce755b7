"""Detectors for rows that follow one another: one file each, found by the catalog."""
