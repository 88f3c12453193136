"""`python -m tests.bench association_scale`: what association costs: many identities, hours, oddities."""

from tests.bench.association_scale.report import main

__all__ = ["main"]
