"""Cameras: placement, projection and visibility, and the effects of optics and electronics on a frame."""
