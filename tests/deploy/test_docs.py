"""The documentation says what the code says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from deploy.results.reference import reference_pages
from deploy.results.schemas import schema_texts
from deploy.site.config import Config, load_config
from tests.conftest import ROOT

DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", sorted(schema_texts()))
def test_schemas_are_the_code_s(name: str) -> None:
    assert (DOCS / "schemas" / name).read_text() == schema_texts()[name], "run `make schemas`"


@pytest.mark.parametrize("name", ["cli.md", "configuration.md", "schemas.md"])
def test_the_reference_is_the_code_s(name: str) -> None:
    assert (DOCS / "reference" / name).read_text() == reference_pages()[name], "run `make schemas`"


def test_every_setting_is_documented() -> None:
    text = (DOCS / "configuration.md").read_text()
    for table in msgspec.structs.fields(Config):
        kind = msgspec.inspect.type_info(table.type)
        while isinstance(kind, msgspec.inspect.Metadata | msgspec.inspect.ListType):
            kind = kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind.item_type
        assert isinstance(kind, msgspec.inspect.StructType)
        for field in kind.fields:
            assert f"`{field.encode_name}`" in text, f"[{table.name}] {field.encode_name}"


def test_the_examples_in_the_documentation_are_right(tmp_path: Path) -> None:
    for page in (ROOT / "README.md", DOCS / "configuration.md", DOCS / "first-hour.md"):
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)):
            path = tmp_path / f"{page.stem}{number}.toml"
            path.write_text(block)
            load_config(path)


def test_links_within_the_documentation_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_site_is_built_without_a_broken_link_and_from_its_own_files(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="extra `docs`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    pages = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.html")}
    assert "evidence.html" in pages
    assert "<code>tests/data/SOURCES.md</code>" in pages["gantries.html"]  # a file that the site does not have
    for name, page in pages.items():
        assert not re.findall(r'<(?:script|img|iframe)[^>]+src="?https?:|<link[^>]+stylesheet[^>]+https?:', page), name


def test_the_figures_of_the_evidence_are_those_of_the_laboratory_notes() -> None:
    notes = "".join((DOCS / f"{name}.md").read_text() for name in ("benchmarks", "gantries"))
    noted = {figure.lstrip("0") for figure in re.findall(r"\d*\.\d{2,3}\b", notes)}
    stated = re.findall(r"(?<![\w.])\.\d{2,3}\b", (DOCS / "evidence.md").read_text())
    assert len(stated) > 50
    assert set(stated) <= noted, "a figure of docs/evidence.md that no laboratory note has"
