"""Sightings: what is searched for in what all cameras have seen, and how alike and how probable a hit is."""
