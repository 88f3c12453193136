"""Tests: decoded frames, their times and their display."""
