"""Priors of a data set: box and mask of every image, found once and kept."""
