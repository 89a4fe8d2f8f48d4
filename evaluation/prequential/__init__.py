"""Logs of events played again, one after the other, each looked for in the scores before it: no Kafka, no Redis."""
