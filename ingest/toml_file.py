"""TOML files as checked values: every error names the file and the path of the key that is wrong."""

import math
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import msgspec.inspect

from ingest.errors import ConfigError

Value = TypeVar("Value", bound=msgspec.Struct)

_ID_RULE = re.compile(re.escape(r"matching regex '^[A-Za-z0-9][A-Za-z0-9._-]{0,") + r"(\d+)")
"""Words in which msgspec refuses an id."""


def read_text(path: Path) -> str:
    """Read the text of a file; raises ConfigError where it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not a text file (byte {error.start} is not UTF-8); expected TOML") from error


def parse_table(text: str, name: str) -> dict[str, Any]:
    """Parse TOML to tables; raises ConfigError that names the file `name`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from error


def convert(table: dict[str, Any], kind: type[Value], name: str) -> Value:
    """Convert a table to a struct; raises ConfigError for unknown, missing and wrong keys, and for inf and nan."""
    try:
        value = msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {_explain(str(error), kind)}", key=_path_of(str(error)) or None) from error
    try:
        _check_finite(msgspec.to_builtins(value), "")
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
    return value


def _check_finite(value: object, path: str) -> None:
    """Raise ConfigError for inf and nan: TOML knows them, no setting does."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"key '{path}': {value} is no number to work with")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_finite(inner, f"{path}.{key}".lstrip("."))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            _check_finite(inner, f"{path}[{place}]")


def _path_of(message: str) -> str:
    """The path of the key that a message of msgspec is about."""
    return message.partition(" - at `$")[2].rstrip("`").lstrip(".")


def _explain(message: str, kind: type[msgspec.Struct]) -> str:
    """Rewrite a message of msgspec: the key's path in front, and behind it what would have been right."""
    reason, path = message.partition(" - at `$")[0], _path_of(message)
    prefix = f"{path}." if path else ""
    unknown = re.match(r"Object contains unknown field `(.+)`", reason)
    if unknown:
        return f"unknown key '{prefix}{unknown[1]}' (known here: {', '.join(_known(path, kind))})"
    missing = re.match(r"Object missing required field `(.+)`", reason)
    if missing:
        return f"key '{prefix}{missing[1]}' is missing"
    if reason.startswith("Invalid enum value"):
        return f"key '{path}': {reason} (one of: {', '.join(_known(path, kind))})"
    if rule := _ID_RULE.search(reason):
        return (
            f"key '{path}': expected letters (a to z), digits, '.', '_' and '-', beginning with a letter or digit, "
            f"{int(rule[1]) + 1} characters at most"
        )
    return f"key '{path}': {reason}"


def _known(path: str, kind: type[msgspec.Struct]) -> list[str]:
    """Find the keys of the table, or the values of the choice, at a path such as `cameras[0]`."""
    place: msgspec.inspect.Type = msgspec.inspect.type_info(kind)
    for name in filter(None, re.sub(r"\[.*?\]", ".[]", path).split(".")):
        if name == "[]" and isinstance(place, msgspec.inspect.ListType):
            place = place.item_type
        elif isinstance(place, msgspec.inspect.StructType):
            place = next(field.type for field in place.fields if field.encode_name == name)
        if isinstance(place, msgspec.inspect.Metadata):
            place = place.type
    if isinstance(place, msgspec.inspect.StructType):
        return [field.encode_name for field in place.fields]
    return [str(value) for value in place.values] if isinstance(place, msgspec.inspect.LiteralType) else []
