"""Settings chosen on a log of one's own, and judged on a part of it that was held back."""
