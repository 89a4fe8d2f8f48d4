"""What every process knows of Redis: its address, and what its answers mean."""
