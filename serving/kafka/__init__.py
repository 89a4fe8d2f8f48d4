"""How topics are read: record batches in every codec, within bounds, whatever other people's producers put there."""
