"""Faust and aiokafka: agents, the consumer, the assignment of partitions, the producer."""
