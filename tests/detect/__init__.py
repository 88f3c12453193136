"""Tests: detect."""
