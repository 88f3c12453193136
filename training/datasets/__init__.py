"""Re-identification data sets, one file each."""
