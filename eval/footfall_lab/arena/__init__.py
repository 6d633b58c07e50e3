"""The arena: how others ask a language model, side by side on the same held-out choices."""
