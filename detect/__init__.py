"""Detection and single-camera tracking: the vehicles of a frame, with track ids that last from frame to frame."""
