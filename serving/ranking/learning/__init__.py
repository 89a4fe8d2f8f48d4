"""How much each signal of the score is worth, learned online."""
