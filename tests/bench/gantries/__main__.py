"""Prints the tables of docs/gantries.md."""

from tests.bench.gantries.report import main

if __name__ == "__main__":
    main()
