"""The table of faults: `python -m tests.faults`, what breaks under load and what is left afterwards."""
