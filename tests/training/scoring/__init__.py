"""Tests: scoring."""
