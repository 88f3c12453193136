"""Tests: teacher."""
