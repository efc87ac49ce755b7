"""From a score to a p-value to a decision, at a stated number of false alarms."""
