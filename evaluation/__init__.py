"""Judges lists without Kafka: data sets played again, measures, settings chosen on them."""
