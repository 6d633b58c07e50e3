"""Jinja2 templates of the prompts, read with importlib.resources."""
