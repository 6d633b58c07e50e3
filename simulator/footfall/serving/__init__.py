"""Who fills the pages that the world asks for: ``service`` asks recommenders and the model."""
