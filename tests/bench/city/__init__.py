"""Tests: benches of the synthetic city."""
