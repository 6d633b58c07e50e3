"""Read, clean and split real histories; one module a source."""
