"""Vehicles: models, fleets, and the details by which one differs from another."""
