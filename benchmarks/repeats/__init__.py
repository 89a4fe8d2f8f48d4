"""What is bought again in a made-up shop, whose usual times are known."""
