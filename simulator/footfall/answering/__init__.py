"""Who answers in a run, opened from a scenario."""
