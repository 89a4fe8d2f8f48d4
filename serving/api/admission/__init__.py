"""Who may ask, how often, how much, and from pages of which sites."""
