"""The language model: in-process vLLM, a vLLM server, the fake, and the store of answers."""
