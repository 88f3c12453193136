"""Figures of the operator's view."""
