"""How fast Penchant is: from an event to its list, events a second, lists a second."""
