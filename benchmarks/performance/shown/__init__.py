"""What was measured, on the terminal, as plots, and on a page of the docs."""
