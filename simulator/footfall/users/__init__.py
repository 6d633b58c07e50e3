"""Who walks in, and what they remember."""
