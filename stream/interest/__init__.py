"""How an event changes what is kept of a user. Pure."""
