"""The page of an export: plain HTML with a strip of cameras over time, readable without this program."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from deploy.results.explanation import TERMS
from ingest.clock import NS

if TYPE_CHECKING:
    from deploy.search.exporting import Export, ExportedSighting

STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c1c1c; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
img { height: 8rem; margin-right: .4rem; } code { font-size: .8em; overflow-wrap: anywhere; }
svg text { font: 12px sans-serif; } section { border-top: 1px solid #ccc; margin-top: 1.5rem; }
"""

ROW_PX, NAME_PX, WIDTH_PX = 26, 160, 900
NARROWEST_PX = 3.0


def export_page(export: "Export", sha256: str) -> str:
    """The page as HTML; sha256: of the export's `export.json`."""
    made = _time(export.made_ns)
    by = f" by {escape(export.by)}" if export.by else ""
    merged = f"<p>It turned out to be {escape(export.merged_into)}.</p>" if export.merged_into else ""
    sections = "\n".join(_section(number, each) for number, each in enumerate(export.sightings, 1))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(export.identity)}</title><style>{STYLE}</style></head><body>
<h1>{escape(export.identity)}: {escape(export.label)}, {len(export.sightings)} sightings</h1>
<p>Exported {made}{by} with Corridor {escape(export.corridor)}. SHA-256 of export.json: <code>{sha256}</code></p>
<p>That these sightings are one vehicle is what association holds for probable, with the evidence below; times are those
of the cameras' own clocks, UTC.</p>{merged}
{_strip(export)}
{sections}
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


def _section(number: int, seen: "ExportedSighting") -> str:
    images = "".join(f'<img src="{escape(crop.file)}" alt="crop">' for crop in seen.crops) or "No crop was kept."
    hashes = "".join(f"<br><code>{escape(crop.file)} {crop.sha256}</code>" for crop in seen.crops)
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _facts(seen))
    return (
        f"<section><h2>{number}. {escape(seen.camera)}, {_time(seen.enter_ns)}</h2><p>{images}</p>"
        f"<table>{rows}</table><p>{hashes}</p></section>"
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
        for name, words in TERMS.items():
            value = getattr(evidence, name)
            if value is not None:
                yield words, f"{value:+.1f} (natural logarithm of the likelihood ratio)"
        if evidence.runner_up is not None:
            yield "next best", f"{evidence.runner_up}, {evidence.margin or 0.0:.2f} less probable"
    if seen.encoder is not None:
        yield "encoder", seen.encoder
        yield "SHA-256 of its vector", seen.vector_sha256 or ""


def _time(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns / NS, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
