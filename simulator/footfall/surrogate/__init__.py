"""A small model that answers in the language model's place, and knows where it must not."""
