"""What is needed to answer: messages, model folder, encoder, catalogue, ranking, state."""
