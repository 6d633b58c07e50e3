"""Appeal models learned from past experiments, and judged on tests that they have not seen."""
