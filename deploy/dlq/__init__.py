"""Dead letters: read, listed, sent back."""
