"""Keeps interests current: reads the event topics, folds, saves, ranks, publishes."""
