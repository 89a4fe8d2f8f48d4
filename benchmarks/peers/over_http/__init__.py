"""Recommenders that answer over HTTP, each as its documentation has it run, and asked the same."""
