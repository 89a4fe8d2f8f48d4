"""An engine in a process of its own: what it runs, and how it is asked."""
