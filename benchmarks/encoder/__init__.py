"""The text encoder's speed, engine by engine, and what each engine loses."""
