"""Decoded frames in their places: containers, time stamps, display geometry, and what is left out."""
