"""How a model's answers become one number an item."""
