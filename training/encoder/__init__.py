"""Training one encoder: configuration, recipe, loop, checkpoints, export."""
