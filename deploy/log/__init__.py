"""The durable log: one port, one adapter a backend."""
