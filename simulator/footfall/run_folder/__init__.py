"""What a run leaves behind, by name and schema."""
