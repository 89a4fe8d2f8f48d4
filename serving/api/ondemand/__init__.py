"""What the API asks of whoever makes lists when they are asked for."""
