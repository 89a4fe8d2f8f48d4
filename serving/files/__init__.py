"""Files as people and other programs have them, read without trust."""
