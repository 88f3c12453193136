"""Tests: crops."""
