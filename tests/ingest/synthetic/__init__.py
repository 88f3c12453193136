"""Tests: the synthetic city."""
