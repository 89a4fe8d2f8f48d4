"""Events, items and commands sent from a service, checked before and confirmed after."""
