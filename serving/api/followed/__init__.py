"""What the API keeps in its own memory, followed from the topics."""
