"""Teach the language model from real choices: ``footfall sft-data`` and ``footfall finetune``."""
