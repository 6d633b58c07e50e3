"""Simulated users for recommender systems."""
