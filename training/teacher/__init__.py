"""A teacher network's vectors, and the loss that imitates them."""
