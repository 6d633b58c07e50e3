"""Scenarios that come with Footfall, read with importlib.resources."""
