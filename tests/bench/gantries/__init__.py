"""`python -m tests.bench.gantries`: links between two windows of one real picture, as if they were two cameras."""

from tests.bench.gantries.report import main

__all__ = ["main"]
