"""Counts by reason of all that the readers of data sets leave out: nothing vanishes silently."""

from collections import Counter
from collections.abc import Iterable
from enum import Enum

from training.datasets.names import shown

ENDINGS = (".bmp", ".jpeg", ".jpg", ".png")
"""Endings of the images that are read."""

TABLES = (".csv", ".json", ".jsonl", ".toml", ".tsv", ".xlsx", ".xml", ".yaml", ".yml")
ARRAYS = (".db", ".m", ".mat", ".npy", ".npz")
TEXT = (".docx", ".html", ".ini", ".log", ".md", ".pdf", ".py", ".sh", ".txt")
BESIDE = frozenset({*TABLES, *ARRAYS, *TEXT, ".gz", ".rar", ".tar", ".zip"})
PAPERS = frozenset({"COPYING", "LICENCE", "LICENSE", "MD5SUMS", "NOTICE", "README", "SHA256SUMS"})
"""Endings and names of files that lie beside images; any other may be an image of a format that is not read."""


class Reason(Enum):
    """A reason to leave something out: its words, and what to do about it."""

    NAME = ("files with names of another form", "rename them if they belong to the set")
    GONE = (
        "listed images that are not there",
        "the list and the folder are of different releases, or a part is missing",
    )
    LINE = ("lines of another form", "mend the list")
    TWICE = ("images that are listed twice", "they count once")
    FORMAT = (f"files in other formats than {', '.join(ENDINGS)}", "convert them if they are images")
    LEFTOVER = ("files and folders of the system's", "hidden ones, and what macOS puts into archives: delete them")
    NO_FILE = ("names of images that are no files", "broken links, folders or pipes: mend or delete them")
    ELSEWHERE = ("images in other folders than the layout has", "move them if they belong to the set")
    JUNK = ("boxes that the set itself calls junk", "half a vehicle or person: the protocol leaves them out")
    EMPTY = ("folders without an image", "delete them, or put their images right into them")


class LeftOut:
    """Counts of what is left out of a data set, or of a part of it called `what`, with an example for each reason."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._counts: Counter[Reason] = Counter()
        self._examples: dict[Reason, str] = {}

    def add(self, reason: Reason, names: Iterable[str]) -> None:
        """Count some names."""
        for name in names:
            self._examples.setdefault(reason, name)
            self._counts[reason] += 1

    def notes(self) -> tuple[str, ...]:
        """A line for every reason there was."""
        return tuple(
            f"{self._what}: left out {self._counts[reason]} {reason.value[0]}, such as "
            f"'{shown(self._examples[reason])}' ({reason.value[1]})"
            for reason in Reason
            if self._counts[reason]
        )
