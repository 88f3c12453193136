"""Tests: retention."""
