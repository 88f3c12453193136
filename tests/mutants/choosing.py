"""Which defects are tried: places where a room's code can be changed, drawn with a seed, and the tests of each."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.conftest import ROOT

ROOMS = {"embed": "embed", "log": "deploy/log", "detect": "detect", "associate": "associate"}
"""The folders that are sampled, by the name that the command knows them by."""

SLOW = ("tests/bench", "tests/chaos", "tests/integration", "tests/mutants", "tests/system")
"""Tests that no module counts as its own."""

TESTED_WHOLE = {
    "associate": ("tests/associate/test_*.py", "tests/associate/links/test_*.py"),
    "log": ("tests/contracts/test_log.py",),
}
"""Rooms whose tests go through one object rather than module by module: these tests, for modules no test imports."""

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect: an occurrence of an operator of cosmic-ray in a module, and the tests that should see it."""

    module: Path
    operator: str
    occurrence: int
    line: int
    tests: tuple[Path, ...]

    def code(self) -> str:
        """The module's text with the defect in it."""
        mutated = mutate_code((ROOT / self.module).read_text(), get_operator(self.operator)(), self.occurrence)
        assert mutated is not None, f"{self} is no place any more"
        return str(mutated)


def modules_of(room: str) -> list[Path]:
    """The modules of a room, relative to the repository."""
    paths = sorted((ROOT / ROOMS[room]).rglob("*.py"))
    return [path.relative_to(ROOT) for path in paths if path.name != "__init__.py"]


def own_tests(module: Path) -> tuple[Path, ...]:
    """The test modules that import a module, those of its own room if there are any, relative to the repository.

    Of a room that is tested whole, a module that none of the room's tests imports has those of the whole.
    """
    name = ".".join(module.with_suffix("").parts)
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        relative = path.relative_to(ROOT)
        if not relative.as_posix().startswith(SLOW) and name in _imported(path):
            found.append(relative)
    room = next((name for name, folder in ROOMS.items() if module.is_relative_to(folder)), "")
    whole = [path.relative_to(ROOT) for pattern in TESTED_WHOLE.get(room, ()) for path in sorted(ROOT.glob(pattern))]
    near = [path for path in found if path in whole or path.is_relative_to(f"tests/{ROOMS.get(room, module.parts[0])}")]
    return tuple(near or whole or found)


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def choose(room: str, count: int, seed: int) -> list[Mutant]:
    """Draw places of a room, each as likely as any other, and an operator for each; in the order of their draw."""
    rng = np.random.default_rng(seed)
    places: list[list[Mutant]] = []
    for module in modules_of(room):
        tests = own_tests(module)
        by_place: dict[tuple[Position, str], list[Mutant]] = {}
        for operator, occurrence, position in _possible((ROOT / module).read_text()):
            kind = operator.split("_")[0]  # a `+` that becomes `-`, `*` or `/` is one place
            mutant = Mutant(module, operator, occurrence, position[0], tests)
            by_place.setdefault((position, kind), []).append(mutant)
        places += by_place.values()
    chosen = rng.permutation(len(places))[:count]
    drawn = [places[place][int(rng.integers(len(places[place])))] for place in sorted(chosen.tolist())]
    return [drawn[place] for place in rng.permutation(len(drawn)).tolist()]


def _possible(text: str) -> Iterator[tuple[str, int, Position]]:
    """Every operator, occurrence and place (line and column, from 1 and 0) of a module, but for its annotations."""
    unused = list(_annotations(text))
    nodes = list(ast_nodes(get_ast(text)))
    for name in operator_names():
        operator = get_operator(name)
        if operator.arguments():
            continue
        positions = (start for node in nodes for start, _ in operator().mutation_positions(node))
        for occurrence, start in enumerate(positions):
            if not any(first <= start < last for first, last in unused):
                yield name, occurrence, start


def _annotations(text: str) -> Iterator[tuple[Position, Position]]:
    """Start and end of every annotation and `TYPE_CHECKING` block: a defect there changes nothing that runs."""
    for node in ast.walk(ast.parse(text)):
        spans: list[ast.expr | ast.stmt | None] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            spans.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            spans.append(node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            spans.append(node)
        for span in spans:
            if span is not None and span.end_lineno is not None and span.end_col_offset is not None:
                yield (span.lineno, span.col_offset), (span.end_lineno, span.end_col_offset)
