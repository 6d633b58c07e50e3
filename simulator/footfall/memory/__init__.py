"""What a user brings to mind when asked: recent, relevant, and in short."""
