"""Processor seconds until `corridor` has said what there is, beside importing typer and rich alone."""

import resource
import subprocess
import sys

from tests.bench.measure import table

RUNS = 9
COMMAND = ("-m", "deploy.cli.main")
CASES = {
    "python -c 'import typer, rich'": ("-c", "import typer, rich"),
    "the same, and what typer shows help with": ("-c", "import typer, rich, typer.rich_utils"),
    "corridor --version": (*COMMAND, "--version"),
    "corridor --help": (*COMMAND, "--help"),
    "corridor run --help": (*COMMAND, "run", "--help"),
}


def cpu_s(arguments: tuple[str, ...]) -> float:
    """The least of several runs: what is more was somebody else's."""
    seconds = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(seconds)


def main() -> None:
    bare_s = cpu_s(("-c", "pass"))
    rows = []
    for name, arguments in CASES.items():
        took_s = cpu_s(arguments)
        rows.append([name, f"{took_s:.2f} s", f"{took_s - bare_s:.2f} s"])
    table(["", "processor", f"without Python's own {bare_s:.2f} s"], rows)
