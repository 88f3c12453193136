"""Descriptions of the fields of a Struct, from its docstring: one entry `name: text` a field, with wrapped lines."""

import inspect
import re
from collections.abc import Iterator

import msgspec

Struct = type[msgspec.Struct]


def summary(kind: Struct) -> str:
    """The docstring without its entries, one line a paragraph."""
    lines = list(_free_lines(kind))
    paragraphs = "\n".join(lines).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip())


def field_descriptions(kind: Struct) -> dict[str, str]:
    """Map field names to their entries on one line; raises ValueError for fields without one.

    Fields of a base have their entries in its docstring, unless the Struct's own says more.
    """
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__[: kind.__mro__.index(msgspec.Struct)]):
        found |= _own_descriptions(each)
    missing = [field for field in kind.__struct_fields__ if field not in found]
    if missing:
        raise ValueError(f"the docstring of {kind.__name__} has no entry `name: text` for {', '.join(missing)}")
    return found


def _own_descriptions(kind: Struct) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in _lines(kind):
        entry = _entry(kind, line)
        if entry:
            name, text = entry
            found[name] = text
        elif name and line.strip():
            found[name] += f" {line.strip()}"
        else:
            name = ""
    return found


def nested_structs(kind: Struct) -> list[Struct]:
    """The Struct itself and those within it, each once, in the order of the fields."""
    found: list[Struct] = []
    _collect(msgspec.inspect.type_info(kind), found)
    return found


def _collect(kind: object, found: list[Struct]) -> None:
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            if cls not in found:
                found.append(cls)
                for field in fields:
                    _collect(field.type, found)
        case msgspec.inspect.Metadata(type=inner):
            _collect(inner, found)
        case msgspec.inspect.ListType(item_type=inner):
            _collect(inner, found)
        case msgspec.inspect.UnionType(types=inner):
            for one in inner:
                _collect(one, found)
        case _:
            pass


def _free_lines(kind: Struct) -> Iterator[str]:
    within = False
    for line in _lines(kind):
        within = _entry(kind, line) is not None or (within and bool(line.strip()))
        if not within:
            yield line


def _lines(kind: Struct) -> list[str]:
    return (inspect.getdoc(kind) or "").splitlines()


def _entry(kind: Struct, line: str) -> tuple[str, str] | None:
    match = re.match(r"(\w+): (.+)", line)
    return (match[1], match[2]) if match and match[1] in kind.__struct_fields__ else None
