"""Statements in made-up shops: whether the first six are what was asked for (benchmarks/statements/__main__.py)."""
