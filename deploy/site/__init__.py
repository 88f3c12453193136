"""One site at work: configuration, wiring, the workers and how they end."""
