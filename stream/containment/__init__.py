"""What nobody foresaw: contained in one place, and quarantined where it ends processes."""
