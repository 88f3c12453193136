"""HLS playlists (RFC 8216): the segments that are listed, and when they were captured.

FFmpeg's demuxer plays them but keeps EXT-X-PROGRAM-DATE-TIME to itself, and a segment arrives in an instant, long after
its first frame was captured.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin

from ingest.clock import NS

BYTE_RANGE = "#EXT-X-BYTERANGE"
OF_ALL_THAT_FOLLOW = ("#EXT-X-KEY", "#EXT-X-MAP")
"""Tags that a demuxer needs to read a segment."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A listed segment.

    program_ns: when its first frame was captured, Unix time, where the playlist states it. tags: the lines without
    which it cannot be read.
    """

    url: str
    duration_s: float
    program_ns: int | None
    tags: tuple[str, ...]

    def alone(self) -> str:
        """A playlist of this segment only."""
        target = f"#EXT-X-TARGETDURATION:{int(self.duration_s) + 1}"
        lines = ("#EXTM3U", "#EXT-X-VERSION:7", target, *self.tags, f"#EXTINF:{self.duration_s},", self.url)
        return "\n".join((*lines, "#EXT-X-ENDLIST", ""))


@dataclass(frozen=True, slots=True)
class Playlist:
    """A media playlist, or, with `variants`, a list of such; `ended` says that nothing will be added."""

    segments: tuple[Segment, ...] = ()
    variants: tuple[str, ...] = ()
    ended: bool = False


def parse_playlist(text: str, url: str) -> Playlist:
    """A playlist that was read from `url`; what is no playlist has neither segments nor variants."""
    segments: list[Segment] = []
    variants: list[str] = []
    lasting: dict[str, str] = {}
    byte_range = ""
    duration_s, program_ns, is_variant = 0.0, None, False
    ends: dict[str, int] = {}  # by file: the byte behind the last range
    for line in (each.strip() for each in text.splitlines()):
        name, _, value = line.partition(":")
        if name == "#EXTINF":
            duration_s = _number(value.partition(",")[0])
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            program_ns = _unix_ns(value)
        elif name == "#EXT-X-DISCONTINUITY":
            program_ns = None
        elif name == "#EXT-X-STREAM-INF":
            is_variant = True
        elif name in OF_ALL_THAT_FOLLOW:
            lasting[name] = _absolute(line, url)
        elif name == BYTE_RANGE:
            byte_range = value
        elif line and not line.startswith("#"):
            if is_variant:
                variants.append(urljoin(url, line))
            else:
                file = urljoin(url, line)
                single = _range(byte_range, file, ends)
                segments.append(Segment(file, duration_s, program_ns, (*lasting.values(), *single)))
                program_ns = None if program_ns is None else program_ns + round(duration_s * NS)
            is_variant, byte_range = False, ""
    return Playlist(tuple(segments), tuple(variants), "#EXT-X-ENDLIST" in text)


def _range(stated: str, file: str, ends: dict[str, int]) -> tuple[str, ...]:
    """The tag of a range of bytes, with its beginning: where none is stated it follows the range before (4.3.2.2)."""
    length, _, begin = stated.partition("@")
    if not length.strip().isdecimal():
        return ()
    begins = int(begin) if begin.strip().isdecimal() else ends.get(file, 0)
    ends[file] = begins + int(length)
    return (f"{BYTE_RANGE}:{int(length)}@{begins}",)


def _number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0


def _unix_ns(text: str) -> int | None:
    """ISO 8601; a time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp() * 1_000_000) * (NS // 1_000_000)


def _absolute(tag: str, url: str) -> str:
    """A tag whose URI, if it has one, does not depend on where the playlist was."""
    before, found, rest = tag.partition('URI="')
    uri, _, after = rest.partition('"')
    return f'{before}URI="{urljoin(url, uri)}"{after}' if found else tag
