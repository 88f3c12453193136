"""The texture of a vehicle, as an atlas."""
