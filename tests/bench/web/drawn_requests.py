"""Requests drawn from the OpenAPI document by schemathesis: what a server of a small site answers to 300 an operation.

It ends with the first answer that is a fault, or that the document does not describe. A sample is part of `make test`.
"""

import os
import tempfile
import time
from pathlib import Path

from tests.bench.measure import table
from tests.deploy.web.fuzzing import fuzz
from tests.deploy.web.town import town

EXAMPLES = int(os.environ.get("CORRIDOR_BENCH_EXAMPLES", "300"))


def main() -> None:
    before, began_s = Path.cwd(), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            with town(Path(name)) as served:
                statuses = fuzz(served, EXAMPLES, by_chance=True)
        finally:
            os.chdir(before)
    took_s = time.monotonic() - began_s
    labels = sorted({label for label, _ in statuses})
    codes = sorted({status for _, status in statuses})
    table(["operation", *map(str, codes)], [[each, *(str(statuses[each, code]) for code in codes)] for each in labels])
    print(f"\n{sum(statuses.values())} requests in {took_s:.0f} s")


if __name__ == "__main__":
    main()
