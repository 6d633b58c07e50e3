"""Logs to train on: a run's event log in the formats that other tools read."""
