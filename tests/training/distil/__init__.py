"""Tests: distillation."""
