"""Searching for a vehicle, by an image that somebody sends, by a sighting or by an identity."""
