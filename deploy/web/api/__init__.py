"""The API under /api/v1: its operations, its events, and the document that describes them."""
