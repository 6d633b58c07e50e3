"""The laboratory: simulated users held against real data, and taught by it."""
