"""`corridor encoder`: train, evaluate, export, and the inputs of training."""
