"""What a user has seen or bought, and what everybody buys again: what is out, what stands lower, what is due."""
