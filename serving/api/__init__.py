"""The API process: health, readiness and metrics over HTTP."""
