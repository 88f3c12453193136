"""Network cameras on the bench."""
