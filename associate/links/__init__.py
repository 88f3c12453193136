"""How probable it is that one tracklet follows another: evidence, model, learning."""
