"""What a quantised model is judged by: texts, float32 vectors of them, agreement with these, speed."""
