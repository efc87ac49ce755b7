"""What is kept for years: events, alarms, deliveries, silences, labels, versions of models, scored history."""
