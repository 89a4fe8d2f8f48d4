"""Everything on one machine: services, child processes, their supervisor."""
