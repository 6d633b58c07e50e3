"""The YAML file as checked models, and reading it."""
