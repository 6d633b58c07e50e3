"""Classical models of choice as users: what a language model has to beat."""
