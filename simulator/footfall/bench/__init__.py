"""How fast the model is asked, next to the ceiling and to how others ask."""
