"""Who fills the pages that the world asks for."""
