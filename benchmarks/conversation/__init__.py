"""What a clarifying question is worth."""
