"""Key-frame budget: which frames the expensive detector sees, and box propagation between them."""
