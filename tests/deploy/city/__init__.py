"""Tests: the served city."""
