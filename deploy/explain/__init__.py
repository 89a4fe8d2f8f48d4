"""Explanations read from the topics and the store, for people."""
