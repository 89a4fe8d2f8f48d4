"""Runs the system: the penchant command, the local stack, compose and image."""
