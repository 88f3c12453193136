"""Names of files: bytes first, since those of old archives are no UTF-8; and text files that hold such names.

In memory they are as `os.fsdecode` makes them: a byte that is no UTF-8 is a lone surrogate (PEP 383).
"""

import codecs
from pathlib import Path

from ingest.errors import ConfigError

LEFTOVERS = frozenset({"__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini"})
"""Files and folders of systems beside a user's; so are names that begin with a dot (`._1.jpg`, `.DS_Store`)."""


def encoded(name: str) -> bytes:
    """The bytes of a name on the disk: to be hashed, written to a file."""
    return name.encode("utf-8", "surrogateescape")


def decoded(name: bytes) -> str:
    """The name of some bytes; the inverse of `encoded`."""
    return name.decode("utf-8", "surrogateescape")


def shown(name: object) -> str:
    """A name, or a path, for people: on one line, and what cannot be printed is escaped, as in `v\\xb3`."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in str(name))


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


def is_leftover(name: str) -> bool:
    """True of a file or folder that a system has left, so that it is none of the user's."""
    return name.startswith(".") or name in LEFTOVERS


def read_text(path: Path) -> str:
    """A text file that names files, without its byte order mark; raises ConfigError where it cannot be read.

    UTF-8, of which other bytes stay what they are, or UTF-16 with a mark, as spreadsheets write it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{shown(path)} cannot be read: {error.strerror}") from error
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown(path)} cannot be read: {error} (save it as UTF-8)") from error
    if b"\0" in data:
        raise ConfigError(f"{shown(path)} is no text file: it holds zero bytes (save it as UTF-8)")
    return decoded(data.removeprefix(codecs.BOM_UTF8))
