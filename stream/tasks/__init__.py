"""What a worker does beside events: statistics, blend weights, backlogs."""
