"""Recommenders under test: the Protocol and its adapters."""
