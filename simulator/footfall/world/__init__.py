"""SimPy users, epochs and randomness."""
