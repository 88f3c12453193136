"""Tests: encoder networks."""
