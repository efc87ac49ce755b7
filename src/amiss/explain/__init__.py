"""Says why: columns to blame, their usual ranges, and the sentence."""
