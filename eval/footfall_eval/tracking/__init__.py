"""Runs told to trackers of experiments."""
