"""Tests: encoder training."""
