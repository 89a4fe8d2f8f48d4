"""The newest list of every user, kept in a service's own memory."""
