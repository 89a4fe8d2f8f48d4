"""Measures the system; each module is one command."""
