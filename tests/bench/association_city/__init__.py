"""`python -m tests.bench association_city`: association on fresh city traffic, beside what bounds it on either side."""

from tests.bench.association_city.report import main

__all__ = ["main"]
