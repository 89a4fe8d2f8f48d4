"""A micro-batch: its inputs, what each does to its user, and the lists that come of it. Knows no service."""
