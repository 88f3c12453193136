"""A synthetic city with cameras, rendered on the CPU, that knows the truth."""
