"""Errors of the command line itself, without the secrets that were typed there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import typer
from typer.core import TyperGroup

from ingest.redact import redact

# typer has its own copy of click and gives this one no public name
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])


class RedactingGroup(TyperGroup):
    """A group of commands whose usage errors show no secret: people give URLs where a file is asked for."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        with _redacted():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: Any) -> Any:
        with _redacted():
            return super().invoke(ctx)


@contextmanager
def _redacted() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        error.message = redact(error.message)  # type: ignore[attr-defined]
        raise
