"""The world: streets, traffic, weather, presets, and the truth about them."""
