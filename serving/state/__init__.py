"""What is kept of a user: its values, its bytes, what is pending in it."""
