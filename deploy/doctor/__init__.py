"""What `penchant doctor` looks at."""
