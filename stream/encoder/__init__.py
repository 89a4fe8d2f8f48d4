"""The encoder under a deadline, behind a circuit breaker, on a thread of its own."""
