"""What is shown of a user and the items beside lists: interests by name, the map of items, users' histories."""
