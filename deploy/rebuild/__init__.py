"""Replays for the command line."""
