"""Settings chosen on a log of one's own, and evaluated on a held-out part of it."""
