"""SimPy users, epochs and randomness.

``interventions`` says what a scenario may let happen, ``schedule`` what then holds at each moment.
A user's visit is in ``shopper``, the gap to the next one in ``calendar``.
"""
