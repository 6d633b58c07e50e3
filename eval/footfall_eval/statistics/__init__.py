"""Intervals, tests and plans, without a word about recommenders' logs on disk.

A difference between two arms is in ``effects``. Off-policy: ``logged`` for the arms of a run on the
pages of its real log, ``offpolicy`` for a bandit log of one's own.
"""
