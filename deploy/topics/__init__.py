"""The topics on a broker: created, and adopted by a kept store."""
