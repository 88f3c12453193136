"""Images to batches: sampling, augmentation, loading."""
