"""What a load takes, worked out from costs."""
