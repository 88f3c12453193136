"""Tests: associate."""
