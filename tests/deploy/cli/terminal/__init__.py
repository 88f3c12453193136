"""Tests: the terminal."""
