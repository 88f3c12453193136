"""Search: the sightings index on disk, how it is fed from the log, and how it is asked."""
