"""A synthetic road with cameras, rendered on the CPU, that knows the truth."""
