"""Tests of what association remembers."""
