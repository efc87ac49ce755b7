"""Channels that alarms are told through: a file for each."""
