"""Runs of a folder, read while they go on and when they are done; nothing is changed."""
