"""Behaviour fitted to real choices: choice sets, features, the logit, habits, baselines."""
