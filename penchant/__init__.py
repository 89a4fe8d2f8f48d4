"""The import name for other people's code: messages, topic names, partitioner, errors."""
