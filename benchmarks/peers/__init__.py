"""What others take for the same: one event taken in, and its user's list made anew."""
