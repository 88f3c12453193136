"""Probability that one tracklet follows another: evidence, model, learning."""
