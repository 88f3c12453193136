"""Association: linking the sightings of one vehicle."""
