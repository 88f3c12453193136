"""Training of the head that reads a vehicle's type from an encoder's vector."""
