"""The model folder: its artifact, the encoder, and what is made of texts."""
