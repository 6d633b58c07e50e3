"""From utilities to acts; arithmetic only."""
