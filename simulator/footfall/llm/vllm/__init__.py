"""vLLM, in this process and behind an address."""
