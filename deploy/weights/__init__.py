"""Weights of other people's networks: catalogue, download, digests."""
