"""Messages in and lists out, as commands: files, producers, receipts, a user's lists."""
