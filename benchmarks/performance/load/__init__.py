"""The generator and collector of events, in a process of its own."""
