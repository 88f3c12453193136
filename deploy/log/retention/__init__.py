"""Retention: how long records stay on a log, and what is said before they go."""
