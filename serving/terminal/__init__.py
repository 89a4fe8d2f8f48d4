"""What reaches a terminal: texts of others made harmless, and the one way to print."""
