"""Search: how well the index finds vehicles in the city, and how fast it is with many sightings."""
