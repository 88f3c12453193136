"""Prints the tables, with options (`--help`)."""

import sys

from tests.bench.association_city.report import main

if __name__ == "__main__":
    main(sys.argv[1:])
