"""Runs and scenarios in a browser and over HTTP: looked at, started, stopped, and asked."""
