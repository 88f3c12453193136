"""The pages of docs/reference, from the code: `python -m deploy.results.reference docs/reference`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import inspect

from deploy.cli.reference import commands_page
from deploy.results.descriptions import Struct, field_descriptions, nested_structs, summary
from deploy.results.schemas import TYPES
from deploy.site.config import Config, default_crops, default_index, default_log_url

FILLED_IN = {
    "log.url": default_log_url("NAME.toml"),
    "crops.folder": default_crops("NAME.toml"),
    "search.folder": default_index("NAME.toml"),
}
"""Defaults that follow from the configuration's name, by key."""

BOUNDS = {"gt": "> {}", "ge": ">= {}", "lt": "< {}", "le": "<= {}"}


def reference_pages() -> dict[str, str]:
    """Make the pages as Markdown, by file name."""
    pages: dict[str, Callable[[], str]] = {
        "cli.md": commands_page,
        "configuration.md": configuration_page,
        "schemas.md": schemas_page,
    }
    return {name: page() for name, page in pages.items()}


def configuration_page() -> str:
    """Every table and key of a configuration: type, bounds, default and meaning."""
    parts = [
        "# Every setting\n\n"
        "Made from the code by `make schemas`. [The guide](../configuration.md) explains how they belong together. "
        "A key without a default has to be given; *none* is a default that sets nothing."
    ]
    info = inspect.type_info(Config)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        parts += _tables(field.encode_name, field.type)
    return "\n\n".join(parts) + "\n"


def _tables(name: str, kind: inspect.Type) -> Iterator[str]:
    heading, struct = f"[{name}]", _inner(kind)
    if isinstance(struct, inspect.ListType):
        heading, struct = f"[[{name}]]", _inner(struct.item_type)
    assert isinstance(struct, inspect.StructType)
    texts = field_descriptions(struct.cls)
    rows, below = [], []
    for field in struct.fields:
        key, inner = field.encode_name, _inner(field.type)
        if isinstance(inner, inspect.ListType) and isinstance(_inner(inner.item_type), inspect.StructType):
            below.append((f"{name}.{key}", field.type))
            rows.append((f"`{key}`", f"tables `[[{name}.{key}]]`", "none", texts[field.name]))
        elif isinstance(inner, inspect.UnionType) and isinstance(inner.types[0], inspect.StructType):
            below.append((f"{name}.{key}", inner.types[0]))
            rows.append((f"`{key}`", f"table `[{name}.{key}]`", "none", texts[field.name]))
        else:
            rows.append((f"`{key}`", type_words(field.type), _default(f"{name}.{key}", field), texts[field.name]))
    yield f"## `{heading}`\n\n{summary(struct.cls)}\n\n" + _table(("key", "type", "default", "meaning"), rows)
    for inner_name, inner_kind in below:
        yield from _tables(inner_name, inner_kind)


def schemas_page() -> str:
    """Every field of every message on the log."""
    parts = [
        "# Messages\n\n"
        "Made from the code by `make schemas`. [What comes out](../consuming.md) explains how to read them; fields are "
        "only ever added, and a field with a default may be missing in older records."
    ]
    described: set[Struct] = set()
    for name, kind in TYPES.items():
        parts.append(f"## {name}\n\nSchema: [{name}.schema.json](../schemas/{name}.schema.json).")
        for struct in nested_structs(kind):
            if struct not in described:
                described.add(struct)
                parts.append(_message(struct, nested=struct is not kind))
    return "\n\n".join(parts) + "\n"


def _message(kind: Struct, *, nested: bool) -> str:
    texts, info = field_descriptions(kind), inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    rows = [
        (f"`{field.name}`", type_words(field.type), _default("", field), texts[field.name]) for field in info.fields
    ]
    if info.tag is not None:
        rows.insert(0, (f"`{info.tag_field}`", f"`{info.tag}`", "", "tells the messages of a topic apart."))
    array = " An array of these, without names." if info.array_like else ""
    heading = f"### {kind.__name__}\n\n" if nested else ""
    return f"{heading}{summary(kind)}{array}\n\n" + _table(("field", "type", "default", "meaning"), rows)


def type_words(kind: inspect.Type) -> str:
    """A type in a reader's words, with its bounds."""
    match kind:
        case inspect.Metadata(type=inner):
            return type_words(inner)
        case inspect.UnionType(types=types):
            return " or ".join(type_words(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in values)
        case inspect.EnumType(cls=cls):
            return ", ".join(f"`{member.value}`" for member in cls)
        case inspect.StructType(cls=cls):
            return f"[{cls.__name__}](#{cls.__name__.lower()})"
        case inspect.ListType(item_type=item):
            return f"list of {type_words(item)}"
        case inspect.TupleType(item_types=items):
            return " and ".join(type_words(item) for item in items)
        case inspect.DictType(value_type=value):
            return f"table of {type_words(value)}"
        case inspect.StrType(pattern=pattern):
            return f"text, `{pattern}`" if pattern else "text"
        case inspect.IntType() | inspect.FloatType():
            word = "integer" if isinstance(kind, inspect.IntType) else "number"
            bounds = [
                text.format(f"{value:g}") for name, text in BOUNDS.items() if (value := getattr(kind, name)) is not None
            ]
            return ", ".join([word, *bounds])
        case inspect.BoolType():
            return "`true` or `false`"
        case inspect.DateTimeType():
            return "date and time"
        case inspect.BytesType():
            return "bytes (base64 in JSON)"
    raise TypeError(f"no words for {kind}")


def _inner(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _default(key: str, field: inspect.Field) -> str:
    if key in FILLED_IN:
        return f"`{FILLED_IN[key]}`"
    if field.required:
        return ""
    default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if default is None or default in ({}, []):
        return "none"
    if default == "":
        return "empty"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in reference_pages().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
