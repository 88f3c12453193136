"""Tests: deploy/cli/search."""
