"""A run, from start to resume."""
