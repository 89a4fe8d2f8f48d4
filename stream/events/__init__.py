"""From bytes to events: records, envelopes, fields, weights, dead letters, transfers."""
