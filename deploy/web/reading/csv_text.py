"""Rows of a report as CSV, RFC 4180: a header of field names, times in RFC 3339."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime

import msgspec


def csv_text(kind: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> str:
    """The rows of one kind as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(kind.__struct_fields__)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in kind.__struct_fields__])
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value[:1] in "=+-@\t\r":
        return f"'{value}"  # a spreadsheet would take it for a formula
    return value
