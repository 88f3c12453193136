"""The world: streets, traffic, weather, presets, and files of ground truth."""
