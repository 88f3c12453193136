"""The documentation says what the code says."""

import re
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
    for page in (ROOT / "README.md", DOCS / "configuration.md"):
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)):
            path = tmp_path / f"{page.stem}{number}.toml"
            path.write_text(block)
            load_config(path)


def test_links_within_the_documentation_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
