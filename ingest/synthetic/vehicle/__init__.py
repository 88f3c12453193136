"""Vehicles: models, fleets, and what tells one from another."""
