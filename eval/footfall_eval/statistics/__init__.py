"""Intervals, tests and plans, without a word about recommenders' logs on disk."""
