"""Commands of the operator's view: serve it, and say who may use it."""
