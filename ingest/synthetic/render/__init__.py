"""From a scene to a frame and its truth: rendering, shadows, lamps, composition."""
