"""Tests: batches."""
