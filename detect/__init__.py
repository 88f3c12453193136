"""Where are the vehicles in this frame, and which is which from frame to frame."""
