"""The page of the map: cameras by their places, links with their travel times, vehicles as dots; below it a list."""

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from associate.roads.records import Alarm
from deploy.web.access.users import Role
from deploy.web.operation import Call, Operation
from deploy.web.pages.rendering import Renderer
from deploy.web.problems import RequestError
from deploy.web.reading.alarms import standing_alarms
from deploy.web.reading.cameras import list_cameras
from deploy.web.reading.times import time_of
from deploy.web.reading.topology import TopologyQuery, Way, read_topology
from deploy.web.site import WebSite
from ingest.errors import LogError

LEAST_SHARE = 0.02
"""Ways that fewer of those who left a camera took are not drawn: they are in the list."""


def map_pages(site: WebSite, renderer: Renderer) -> list[Operation]:
    """The operations behind the page."""
    return [
        Operation("GET", "/map", Role.VIEWER, "The map.", partial(_map, site, renderer), page=True),
        Operation("GET", "/plan", Role.VIEWER, "The plan.", partial(_plan, site), media="image/*"),
    ]


def _map(site: WebSite, renderer: Renderer, call: Call) -> Response:
    ways = sorted(read_topology(site.index, TopologyQuery()).rows, key=lambda way: -way.n)
    drawn = drawing(site, ways)
    placed = {each["id"] for each in drawn["cameras"]}
    known = [each.camera for each in list_cameras(site.index, site.wishes, site.clock.now_ns()).cameras]
    return renderer.page(
        "map.html",
        call.caller,
        "/map",
        drawn=msgspec.json.encode(drawn).decode() if drawn["cameras"] else "",
        missing=[name for name in known if name not in placed],
        alarms=_alarms(site),
        ways=[(way, f"/reports?{urlencode({'pair': f'{way.origin} → {way.destination}'})}") for way in ways],
        own_script="map.js",
    )


def _alarms(site: WebSite) -> list[tuple[datetime, Alarm]] | None:
    """The standing alarms, and since when each stands; None while the log cannot be read."""
    try:
        return [(time_of(each.since_ns), each) for each in standing_alarms(site.log, site.follower.undecoded)]
    except LogError:
        return None


def drawing(site: WebSite, ways: list[Way]) -> dict[str, Any]:
    """What the page's script draws: the ground, cameras with their places, ways between those."""
    settings, plan = site.config.map, site.plan
    places = settings.cameras
    return {
        "plan": None if plan is None else [plan.width, plan.height],
        "tiles": settings.tiles,
        "attribution": settings.attribution,
        "cameras": [{"id": name, "place": place} for name, place in places.items()],
        "ways": [
            {
                "from": way.origin,
                "to": way.destination,
                "n": way.n,
                "share": way.share,
                "median_s": way.median_s,
            }
            for way in ways
            if way.origin in places and way.destination in places and way.share >= LEAST_SHARE
        ],
    }


def _plan(site: WebSite, call: Call) -> Response:
    if site.plan is None:
        raise RequestError(404, "there is no plan")
    return Response(site.plan.data(), media_type=site.plan.media, headers={"Cache-Control": "private, max-age=300"})
