"""Key-frame budget: an expensive detector on chosen frames, and box propagation between them."""
