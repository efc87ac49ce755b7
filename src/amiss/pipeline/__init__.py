"""From a Recipe (text) to a Model (objects): fit, score, save, load."""
