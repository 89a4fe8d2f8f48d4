"""Prequential evaluation: each event of a log is first looked for in the scores, then learned. No Kafka, no Redis."""
