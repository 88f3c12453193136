"""The map: where cameras stand, the links between them that were learned, and the vehicles under way."""
