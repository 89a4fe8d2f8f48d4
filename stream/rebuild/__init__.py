"""The topics read again from their start, by the worker's own rules: users' states rebuilt, and compared."""
