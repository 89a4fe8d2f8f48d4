"""The users' states in Redis, fenced, and what stands beside them."""
