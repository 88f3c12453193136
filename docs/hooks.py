"""The parts of the site that mkdocs.yml cannot say: the list of decisions, and links that leave this folder."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LINK_UP = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>\.\./[^)#\s]+)(?:#[^)]*)?\)")


def on_config(config: Any) -> Any:
    """Fill the part "Decisions" with all pages of docs/decisions."""
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    for part in config["nav"]:
        if isinstance(part, dict) and "Decisions" in part:
            part["Decisions"] = [f"decisions/{page.name}" for page in pages]
    return config


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Replace links to files outside docs/, which the site does not have, by their paths in the repository."""
    folder = (ROOT / "docs" / page.file.src_uri).parent

    def in_words(match: re.Match[str]) -> str:
        path = (folder / match["target"]).resolve()
        if not path.exists() or path.is_relative_to(ROOT / "docs"):
            return match[0]  # a page of the site, or a broken link, which the strict build refuses
        name, text = path.relative_to(ROOT).as_posix(), match["text"].strip("`")
        return f"`{name}`" if name.endswith(text) else f"{match['text']} (`{name}`)"

    return LINK_UP.sub(in_words, markdown)
