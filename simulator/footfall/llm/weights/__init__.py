"""Weights, adapters and tokenizers on this machine."""
