"""Mutated configurations, videos, URLs and records: no traceback, no hang, no secret in anything that is said."""

from tests.bench.fuzz.run import main

__all__ = ["main"]
