"""Ingest: the frames of every camera, each with its exact capture time."""
