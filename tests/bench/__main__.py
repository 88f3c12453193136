"""`make bench`: every figure of docs/benchmarks.md, printed beside its reference from the same run."""

import argparse

from tests.bench import association, detectors, faults, pipeline, streams, tracking

BENCHES = {
    "pipeline": pipeline.main,
    "association": association.main,
    "tracking": tracking.main,
    "detectors": detectors.main,
    "streams": streams.main,
    "faults": faults.main,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"only these: {', '.join(BENCHES)}")
    names = parser.parse_args().names or list(BENCHES)
    unknown = sorted(set(names) - set(BENCHES))
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    for name in names:
        print(f"\n== {name}")
        BENCHES[name]()


if __name__ == "__main__":
    main()
