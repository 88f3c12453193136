"""Answers: what the API returns and pages show, read from the index."""
