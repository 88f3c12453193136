"""Commands about the links that were found: explain them, correct them, find them anew, compare, learn from them."""
