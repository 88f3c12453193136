"""A small detector for some cameras, taught by an expensive one on their own footage."""
