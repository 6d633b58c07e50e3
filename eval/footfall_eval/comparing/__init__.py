"""Arms held against each other: effects, intervals, and a verdict."""
