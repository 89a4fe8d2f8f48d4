"""Why an item is listed: where its points come from, which of them may be said, and in which words."""
