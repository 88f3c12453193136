"""Cameras as records on the log: what is wanted of each, who has it, and how both are brought together."""
