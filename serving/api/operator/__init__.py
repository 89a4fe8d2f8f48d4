"""What operators see: what workers count, and dead letters."""
