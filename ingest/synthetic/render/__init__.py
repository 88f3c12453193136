"""Rendering of a scene to a frame and its ground truth: shadows, lamps, composition."""
