"""Users fitted to a log of pages: what was shown, where, and what came of it."""
