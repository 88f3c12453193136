"""The watchlist: vehicles that are watched for, and the sightings that match them."""
