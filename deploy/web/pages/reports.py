"""The page of travel times and counts: a curve of the pair that is chosen, and tables to take away."""

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from deploy.web.access.users import Role
from deploy.web.operation import Call, Operation
from deploy.web.pages.identities import local_time, zone_name
from deploy.web.pages.rendering import Renderer
from deploy.web.problems import RequestError
from deploy.web.reading.counts import Count, CountQuery, OdQuery, list_counts, list_od
from deploy.web.reading.travel import TravelQuery, TravelTime, list_travel_times
from deploy.web.site import WebSite

STEPS_MINUTES = (1, 5, 15, 60)
SHOWN = 200
"""Rows of a table on the page; a file has all of them."""


class ReportForm(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Fields of the page's form."""

    start: str | None = None
    end: str | None = None
    pair: str | None = None
    minutes: int = 5


def report_pages(site: WebSite, renderer: Renderer) -> list[Operation]:
    """The operation behind the page."""
    show = partial(_reports, site, renderer)
    return [Operation("GET", "/reports", Role.VIEWER, "Travel times.", show, query=ReportForm, page=True)]


def _reports(site: WebSite, renderer: Renderer, call: Call) -> Response:
    form: ReportForm = call.query
    if form.minutes not in STEPS_MINUTES:
        raise RequestError(400, f"minutes: one of {', '.join(map(str, STEPS_MINUTES))}")
    start, end = local_time(form.start), local_time(form.end)
    travel = list_travel_times(site.index, TravelQuery(start=start, end=end, minutes=form.minutes)).rows
    pairs = sorted({(row.origin, row.destination) for row in travel})
    names = [f"{origin} → {destination}" for origin, destination in pairs]
    chosen = form.pair if form.pair in names else max(names, key=lambda name: _links(travel, name), default=None)
    rows = [row for row in travel if f"{row.origin} → {row.destination}" == chosen]
    window = {"from": start, "to": end}
    sent = urlencode({name: at.isoformat() for name, at in window.items() if at is not None})
    return renderer.page(
        "reports.html",
        call.caller,
        "/reports",
        form=form,
        steps=STEPS_MINUTES,
        zone=zone_name(),
        pairs=names,
        chosen=chosen,
        rows=rows[-SHOWN:],
        curve=msgspec.json.encode(_curve(rows)).decode(),
        counts=_total(list_counts(site.index, CountQuery(start=start, end=end, minutes=1440)).rows),
        od=sorted(list_od(site.index, OdQuery(start=start, end=end)).rows, key=lambda row: (-row.n, -row.corrected_n))[
            :SHOWN
        ],
        stepped=f"{sent}&minutes={form.minutes}".lstrip("&"),
        sent=sent,
        own_script="curve.js",
    )


def _links(travel: list[TravelTime], name: str) -> int:
    return sum(row.n for row in travel if f"{row.origin} → {row.destination}" == name)


def _curve(rows: list[TravelTime]) -> list[list[float]]:
    """Columns of the curve: time in Unix seconds, 15th percentile, median, 85th percentile in seconds."""
    return [
        [row.begin.timestamp() for row in rows],
        [row.p15_s for row in rows],
        [row.median_s for row in rows],
        [row.p85_s for row in rows],
    ]


def _total(rows: Sequence[Count]) -> list[tuple[str, str, int, float]]:
    """By camera and kind, over the whole window: without and with correction."""
    totals: dict[tuple[str, str], tuple[int, float]] = {}
    for row in rows:
        n, corrected = totals.get((row.camera, row.label), (0, 0.0))
        totals[row.camera, row.label] = n + row.n, corrected + row.corrected_n
    return [(*place, *sums) for place, sums in sorted(totals.items())]
