"""Commands; they parse and print, and do nothing else."""
