"""Who may come in, and how others are turned away: in one line."""
