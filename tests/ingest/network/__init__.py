"""Tests: network cameras."""
