"""Random faults by seed over a whole site, and one checker of what must hold after them."""
