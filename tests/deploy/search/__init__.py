"""Tests: deploy/search."""
