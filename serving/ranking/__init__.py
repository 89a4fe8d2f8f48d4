"""Makes lists: what is known of items from everybody's events, what each item is worth to a user, and why."""
