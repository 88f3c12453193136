"""Tests: benches of the encoder."""
