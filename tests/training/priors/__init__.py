"""Tests: priors."""
