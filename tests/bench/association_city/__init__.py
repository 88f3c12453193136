"""`python -m tests.bench association_city`: association on fresh city traffic, beside what bounds it on either side."""

from collections.abc import Sequence


def main(arguments: Sequence[str] = ()) -> None:
    """Print the tables; arguments: as of `python -m tests.bench.association_city --help`."""
    from tests.bench.association_city.report import main as print_tables  # its modules are commands themselves

    print_tables(arguments)
