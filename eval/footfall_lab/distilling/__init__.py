"""Small models made that answer in the language model's place."""
