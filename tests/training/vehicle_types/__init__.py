"""Tests: training.vehicle_types."""
