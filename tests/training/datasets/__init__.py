"""Tests: data sets."""
