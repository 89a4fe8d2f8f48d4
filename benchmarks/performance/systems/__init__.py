"""What is measured, started and looked at from outside: the local system, and the naive agent."""
