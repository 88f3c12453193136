"""Commands of `corridor cameras`: look after cameras, and say what is wanted of them."""
