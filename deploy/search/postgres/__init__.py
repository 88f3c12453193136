"""The sightings index in PostgreSQL with pgvector, for sites beyond one machine."""
