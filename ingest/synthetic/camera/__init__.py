"""Cameras: where they stand, when they see whom, and what their electronics do to a frame."""
