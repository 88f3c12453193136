"""The lines of a training's configuration that make it a matter of seconds."""

from pathlib import Path


def tiny(network: str, *more: str) -> str:
    """The tables of the network and the recipe, which comes last: `more` are further lines of it."""
    recipe = ['base = "modern"', "epochs = 1", "identities = 4", "images = 2", 'align = "none"', *more]
    return "\n".join(["[model]", f'name = "{network}"', "height = 32", "width = 32", "[recipe]", *recipe, ""])


def write(path: Path, text: str) -> Path:
    """The file, with such a text."""
    path.write_text(text)
    return path
