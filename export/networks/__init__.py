"""Models as arrays or through torch, and the float32 graphs that are written from them."""
