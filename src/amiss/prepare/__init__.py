"""From typed columns to a matrix of comparable features."""
