"""The API process: lists, health and metrics over HTTP."""
