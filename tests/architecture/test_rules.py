"""The house stands as it was drawn: rooms, import rule, heavy libraries, clocks, folders, glossary."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest

from tests.architecture.rules import (
    CLOCK_ALLOWED,
    CLOCK_CALLS,
    HEAVY,
    MAX_MODULES,
    MAX_TERMS,
    MAY_IMPORT,
    NEVER_LOADED_BY_ASSOCIATE,
    ROOMS,
    SHARED_LINES,
)
from tests.conftest import ROOT

FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

FOLDERS = sorted({path.parent for path in FILES if path.name == "__init__.py"})


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in a file, with the imported name as a last part."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def under(module: str, allowed: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in allowed)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_flow_up(path: Path) -> None:
    room = relative(path).split("/")[0]
    ours = [name for name in imports(ast.parse(path.read_text())) if name.split(".")[0] in (*ROOMS, "tests")]
    wrong = [name for name in ours if not under(name, MAY_IMPORT[room])]
    assert not wrong, f"{room} may import {MAY_IMPORT[room]}"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_heavy_libraries_stay_in_their_place(path: Path) -> None:
    name = relative(path)
    used = {module.split(".")[0] for module in imports(ast.parse(path.read_text()))}
    wrong = [lib for lib in used & HEAVY.keys() if not name.startswith(HEAVY[lib])]
    assert not wrong, f"only {[HEAVY[lib] for lib in wrong]} may"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_time_comes_in_by_the_door(path: Path) -> None:
    if relative(path) in CLOCK_ALLOWED:
        return
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    assert not calls & set(CLOCK_CALLS)


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=relative)
def test_a_package_s_face_is_a_docstring(path: Path) -> None:
    body = ast.parse(path.read_text()).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


def test_no_eighth_package() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == {*ROOMS, "tests"}


def modules_in(folder: Path) -> int:
    return sum(path.name != "__init__.py" for path in folder.glob("*.py"))


@pytest.mark.parametrize(
    "folder", [*FOLDERS, *sorted({p.parent for p in (ROOT / "tests").rglob("__init__.py")})], ids=relative
)
def test_a_folder_is_no_drawer(folder: Path) -> None:
    assert modules_in(folder) <= MAX_MODULES


def lines_of(readme: str) -> list[str]:
    """The folders of the table in "Find your way", each linked to itself."""
    section = readme.partition("\n## Find your way\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| \[([^]]+)\]\(([^)]+)\) \| \S.* \|$", section, re.MULTILINE)
    assert all(name == target for name, target in rows)
    return [name for name, _ in rows]


def test_every_folder_has_one_line_in_the_readme() -> None:
    below = tuple(f"{folder}/" for folder in SHARED_LINES)
    expected = [relative(folder) for folder in FOLDERS if not relative(folder).startswith(below)]
    assert sorted(lines_of((ROOT / "README.md").read_text())) == sorted(expected)


def test_the_glossary_has_each_term_once_and_says_where_it_lives() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| `([^`]+)` \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    terms = [term for term, _ in rows]
    assert 0 < len(terms) <= MAX_TERMS
    assert terms == sorted(set(terms), key=str.lower)
    assert not [place for _, place in rows if not (ROOT / place).exists()]


def test_associate_loads_nothing_heavy() -> None:
    modules = ["associate.associator", "associate.trajectory", "associate.sightings.space", "associate.reorder"]
    script = f"import sys, {', '.join(modules)}; print('\\n'.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in result.stdout.split()}
    assert "associate" in loaded
    assert not loaded & set(NEVER_LOADED_BY_ASSOCIATE)


def test_the_guard_notices() -> None:
    """The guard itself can fail: a wrong import, a hidden one, and a clock are all seen."""
    wrong = ast.parse("import cv2\ndef f():\n    from deploy.site.config import load_config\n    return time.time()\n")
    names = list(imports(wrong))
    assert names == ["cv2", "deploy.site.config.load_config"]
    assert not under("deploy.site.config.load_config", MAY_IMPORT["associate"])
    assert not under("embed.observations_of_mine", MAY_IMPORT["associate"])
    assert under("embed.observation.Tick", MAY_IMPORT["associate"])


def declared() -> dict[str, frozenset[str]]:
    """By distribution that pyproject.toml names: the modules that it installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    names = {re.split(r"[\[<>=; ]", each)[0].lower().replace("_", "-") for each in wanted}
    found: dict[str, set[str]] = {name: set() for name in names}
    for module, distributions in metadata.packages_distributions().items():
        for distribution in distributions:
            name = distribution.lower().replace("_", "-")
            if name in found:
                found[name].add(module)
    return {name: frozenset(modules) for name, modules in found.items()}


BESIDE = {"groundingdino", "faiss", "libsumo", "sumolib"}
"""Installed by `make foundation` without its dependencies; alternatives of which only one may be installed."""


def test_every_imported_library_is_declared() -> None:
    known = {module for modules in declared().values() for module in modules} | BESIDE
    ours = {*ROOMS, "tests", "corridor"}
    imported = {name.split(".")[0]: relative(path) for path in FILES for name in imports(ast.parse(path.read_text()))}
    missing = {name: path for name, path in imported.items() if name not in known | ours | sys.stdlib_module_names}
    assert not missing, "declare them in pyproject.toml"
