"""From images to batches: sampling, augmentation, loading."""
