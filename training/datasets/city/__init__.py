"""A re-identification set drawn from the synthetic city."""
