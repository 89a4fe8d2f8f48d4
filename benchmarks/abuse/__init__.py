"""What false users move: an item's places on other users' lists, and the hit rate of these."""
