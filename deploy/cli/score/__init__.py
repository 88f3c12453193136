"""`corridor score`: a run against the truth."""
