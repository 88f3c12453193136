"""Embedding: the best crops of a tracklet, as vectors that one can compare and an observation that carries them."""
