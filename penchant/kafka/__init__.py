"""Records read from Kafka as anybody sent them: every codec, within bounds, of committed transactions only."""
