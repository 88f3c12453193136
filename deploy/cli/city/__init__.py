"""`corridor city`: recordings, streams, crops, observations and traffic of the synthetic city."""
