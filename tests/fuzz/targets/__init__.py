"""The targets, by what they read. Each function makes one; `tests.fuzz.table` lists them."""
