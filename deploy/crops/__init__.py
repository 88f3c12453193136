"""Crops on disk: kept while a site runs, exported as a training set."""
