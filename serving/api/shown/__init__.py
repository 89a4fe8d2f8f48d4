"""What the page shows beside lists: the map of items, users' histories."""
