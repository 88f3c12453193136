"""Test data made by this project."""
