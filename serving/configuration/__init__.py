"""Settings as people write them: files, variables, and what is wrong with them in words."""
