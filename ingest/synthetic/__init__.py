"""A synthetic city with cameras, rendered on the CPU, with ground truth."""
