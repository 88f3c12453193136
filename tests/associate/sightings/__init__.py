"""Tests: associate/sightings."""
