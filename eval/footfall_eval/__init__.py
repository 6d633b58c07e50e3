"""Evaluate recommenders and simulated users from logs."""
