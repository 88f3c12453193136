"""Which sightings are one vehicle."""
