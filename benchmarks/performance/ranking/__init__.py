"""What a list costs, by the size of the catalogue: each size in a process of its own."""
