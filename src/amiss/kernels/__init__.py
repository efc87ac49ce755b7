"""Compiled loops, arrays in and arrays out, each with a NumPy twin that serves where no compiler was."""
