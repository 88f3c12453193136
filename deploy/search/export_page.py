"""The page of an export or an explanation: plain HTML with a strip of cameras over time, nothing to be loaded."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from deploy.results.explanation import BY_TWO_CAMERAS, TERMS
from ingest.clock import NS

if TYPE_CHECKING:
    from deploy.search.exporting import Export, ExportedCrop, ExportedSighting

STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c1c1c; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
img { height: 8rem; margin-right: .4rem; } code { font-size: .8em; overflow-wrap: anywhere; }
.number { text-align: right; } .for { fill: #00796b; } .against { fill: #b3261e; } .track { fill: #ececec; }
svg text { font: 12px sans-serif; } section { border-top: 1px solid #ccc; margin-top: 1.5rem; }
"""

ROW_PX, NAME_PX, WIDTH_PX = 26, 160, 900
NARROWEST_PX = 3.0
BAR_PX, MOST_NATS = 160, 10.0
"""Width of a term's bar, and the term that fills it to either side: e^10 is 22,000 to one."""


def export_page(export: "Export", sha256: str) -> str:
    """The page of an export beside its crops; sha256: of its `export.json`."""
    by = f" by {escape(export.by)}" if export.by else ""
    made = (
        f"Exported {_time(export.made_ns)}{by} with Corridor {escape(export.corridor)}. "
        f"SHA-256 of export.json: <code>{sha256}</code>"
    )
    return _page(export, made, lambda crop: crop.file, {})


def explanation_page(export: "Export", contents: Mapping[str, bytes], lost: Mapping[str, str | None]) -> str:
    """The page of an explanation, with its crops in it.

    contents: of the crops, JPEG by file. lost: observations that were taken away again, with the identity that has
    them now.
    """

    def within(crop: "ExportedCrop") -> str:
        return f"data:image/jpeg;base64,{b64encode(contents[crop.file]).decode()}"

    made = f"As the log had it {_time(export.made_ns)}, by Corridor {escape(export.corridor)}."
    return _page(export, made, within, lost)


def _page(export: "Export", made: str, source: Callable[["ExportedCrop"], str], lost: Mapping[str, str | None]) -> str:
    """The page as HTML; `source` says where a crop's image is."""
    merged = f"<p>It turned out to be {escape(export.merged_into)}.</p>" if export.merged_into else ""
    sections = "\n".join(_section(number, each, source) for number, each in enumerate(export.sightings, 1))
    gone = "".join(
        f"<li><code>{escape(each.rpartition('|')[0])}</code>: "
        f"{f'it is of {escape(now)} now' if now is not None else 'it is of nobody known now'}</li>"
        for each, now in lost.items()
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(export.identity)}</title><style>{STYLE}</style></head><body>
<h1>{escape(export.identity)}: {escape(export.label)}, {len(export.sightings)} sightings</h1>
<p>{made}</p>
<p>That these sightings are one vehicle is what association holds for probable, with the evidence below; times are those
of the cameras' own clocks, UTC. A term is the natural logarithm of a likelihood ratio: 2.3 is ten to one
for the link, -2.3 ten to one against.</p>{merged}
{_strip(export) if export.sightings else ""}
{sections}
{f"<section><h2>Taken away again</h2><ul>{gone}</ul></section>" if gone else ""}
</body></html>
"""


def _strip(export: "Export") -> str:
    """Cameras over time, as SVG: a bar a sighting."""
    cameras = list(dict.fromkeys(each.camera for each in sorted(export.sightings, key=lambda each: each.enter_ns)))
    first_ns = min(each.enter_ns for each in export.sightings)
    span_ns = max(max(each.leave_ns for each in export.sightings) - first_ns, 1)
    scale = (WIDTH_PX - NAME_PX) / span_ns
    parts = []
    for row, camera in enumerate(cameras):
        parts.append(f'<text x="0" y="{row * ROW_PX + 17}">{escape(camera)}</text>')
        for each in export.sightings:
            if each.camera == camera:
                left = NAME_PX + (each.enter_ns - first_ns) * scale
                wide = max((each.leave_ns - each.enter_ns) * scale, NARROWEST_PX)
                parts.append(
                    f'<rect x="{left:.1f}" y="{row * ROW_PX + 5}" width="{wide:.1f}" height="16" fill="#00796b"/>'
                )
    size = f'width="{WIDTH_PX + 4}" height="{len(cameras) * ROW_PX + 4}"'
    label = f"{_time(first_ns)}, {span_ns / NS:.1f} s"
    return f"<p>{label}</p><svg {size} role='img' aria-label='cameras over time'>{''.join(parts)}</svg>"


def _section(number: int, seen: "ExportedSighting", source: Callable[["ExportedCrop"], str]) -> str:
    images = "".join(f'<img src="{escape(source(crop))}" alt="crop">' for crop in seen.crops) or "No crop was kept."
    hashes = "".join(f"<br><code>{escape(crop.file)} {crop.sha256}</code>" for crop in seen.crops)
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _facts(seen))
    return (
        f"<section><h2>{number}. {escape(seen.camera)}, {_time(seen.enter_ns)}</h2><p>{images}</p>"
        f"<table>{rows}</table>{_terms(seen)}<p>{hashes}</p></section>"
    )


def _terms(seen: "ExportedSighting") -> str:
    """The terms of a link as bars, and those that it hangs on; empty where nothing was linked."""
    step, rows, decisive = seen.step, [], []
    for name, words in TERMS.items():
        without = step.without(name)
        if without is None:
            continue
        value = float(getattr(seen.evidence, name))
        rows.append(
            f"<tr><td>{escape(words)}</td><td>{_bar(value)}</td><td class='number'>{value:+.1f}</td>"
            f"<td class='number'>{without:.2f}</td></tr>"
        )
        decisive += [words] if without < 0.5 <= step.probability else []
    if not rows:
        return f"<p>{BY_TWO_CAMERAS.capitalize()}.</p>" if step.joined else ""
    hangs = f"Without one of these it would not be the likeliest: {', '.join(decisive)}." if decisive else ""
    return (
        "<table><tr><th>what spoke for it, and against</th><th></th><th class='number'>term</th>"
        f"<th class='number'>probability without it</th></tr>{''.join(rows)}</table>"
        f"<p>{escape(hangs or 'No single term decides it.')}</p>"
    )


def _bar(value: float) -> str:
    """A term as a bar to either side of the middle."""
    half = BAR_PX / 2
    wide = min(abs(value) / MOST_NATS, 1.0) * half
    left, kind = (half, "for") if value >= 0 else (half - wide, "against")
    return (
        f'<svg width="{BAR_PX}" height="12" aria-hidden="true"><rect class="track" width="{BAR_PX}" height="12"/>'
        f'<rect class="{kind}" x="{left:.1f}" width="{wide:.1f}" height="12"/></svg>'
    )


def _facts(seen: "ExportedSighting") -> Iterator[tuple[str, str]]:
    """Names and values of a sighting's table."""
    yield "tracklet", seen.tracklet
    yield "in view", f"{_time(seen.enter_ns)} to {_time(seen.leave_ns)}"
    evidence = seen.evidence
    if evidence is not None:
        what = "is the vehicle of the sighting before" if seen.linked else "was not seen before"
        state = "settled" if seen.settled else "may still be revised"
        yield "probability", f"{evidence.probability:.2f} that it {what}; {state}"
        if evidence.travel_s is not None:
            yield "between the views", f"{evidence.travel_s:.1f} s"
        if evidence.similarity is not None:
            yield "similarity", f"{evidence.similarity:.2f}"
        if evidence.runner_up is not None:
            rival = max(evidence.probability - (evidence.margin or 0.0), 0.0)
            yield "rejected", f"{evidence.runner_up}, the next best: {rival:.2f}"
    if seen.encoder is not None:
        yield "encoder", seen.encoder
        yield "SHA-256 of its vector", seen.vector_sha256 or ""


def _time(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns / NS, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
