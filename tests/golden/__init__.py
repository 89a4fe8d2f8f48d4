"""Bytes and embeddings that must not change unnoticed."""
