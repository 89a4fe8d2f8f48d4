"""What a worker shows of itself: metrics, online evaluation, clock, watchdog."""
