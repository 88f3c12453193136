"""The page of searching: an image to drop, or a vehicle that has been seen, and the vehicles that are found."""

import base64
from functools import partial

import msgspec
from starlette.responses import Response

from deploy.web.access.users import Role
from deploy.web.live.stills import jpeg_of
from deploy.web.operation import Call, Operation
from deploy.web.pages.identities import local_time, zone_name
from deploy.web.pages.rendering import Renderer, names_in
from deploy.web.problems import RequestError
from deploy.web.searching.finding import ImageSearchQuery, SearchAnswer, SearchQuery, find_again, find_image
from deploy.web.searching.operations import note_search
from deploy.web.searching.uploads import sent_form
from deploy.web.site import WebSite
from ingest.errors import ConfigError


class SearchForm(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Fields of the page: what is asked with, and limits. image, whole: of the form with an image only."""

    image: bytes = b""
    whole: bool = False
    identity: str = ""
    sighting: str = ""
    camera: str = ""
    label: str = ""
    start: str = ""
    end: str = ""

    def limits(self) -> dict[str, object]:
        """The limits of a question; raises RequestError for a time that is none."""
        return {
            "camera": self.camera or None,
            "label": self.label or None,
            "start": local_time(self.start or None),
            "end": local_time(self.end or None),
        }


def search_pages(site: WebSite, renderer: Renderer) -> list[Operation]:
    """The operations behind the page."""
    page = partial(Operation, page=True)
    return [
        page("GET", "/search", Role.VIEWER, "Search.", partial(_again, site, renderer), query=SearchForm),
        page(
            "POST",
            "/search",
            Role.VIEWER,
            "Search by an image.",
            partial(_image, site, renderer),
            body=SearchForm,
            upload=sent_form,
        ),
    ]


def _again(site: WebSite, renderer: Renderer, call: Call) -> Response:
    form: SearchForm = call.query
    asked = form.identity or form.sighting
    if not asked or not site.searcher.there:
        return _page(site, renderer, call, form)
    try:
        query = SearchQuery(identity=form.identity or None, sighting=form.sighting or None, **form.limits())  # type: ignore[arg-type]
        note_search(site, call, asked)
        found = find_again(site.searcher, site.crops, query)
    except (ConfigError, RequestError) as problem:
        return _page(site, renderer, call, form, problem=problem)
    return _page(site, renderer, call, form, found=found)


def _image(site: WebSite, renderer: Renderer, call: Call) -> Response:
    form: SearchForm = call.body
    try:
        query = ImageSearchQuery(whole=form.whole, **form.limits())  # type: ignore[arg-type]
        note_search(site, call, f"an image of {len(form.image)} bytes")
        found, part = find_image(site.searcher, site.crops, form.image, query)
    except (ConfigError, RequestError) as problem:
        return _page(site, renderer, call, form, problem=problem)
    shown = f"data:image/jpeg;base64,{base64.b64encode(jpeg_of(part)).decode()}"
    return _page(site, renderer, call, form, found=found, shown=shown)


def _page(
    site: WebSite,
    renderer: Renderer,
    call: Call,
    form: SearchForm,
    *,
    found: SearchAnswer | None = None,
    shown: str | None = None,
    problem: Exception | None = None,
) -> Response:
    """The page with what was found, or why nothing was. shown: the part of the image that was searched for, a URL."""
    status = problem.status if isinstance(problem, RequestError) else 200 if problem is None else 422
    return renderer.page(
        "search.html",
        call.caller,
        "/search",
        status=status,
        form=form,
        found=found,
        shown=shown,
        problem="" if problem is None else str(problem),
        has_index=site.searcher.there,
        crop=site.crops.best(form.sighting) if form.sighting else None,
        cameras=names_in(site, "SELECT camera AS name FROM cameras ORDER BY 1"),
        labels=names_in(site, "SELECT name FROM names WHERE kind = 'label' ORDER BY 1"),
        zone=zone_name(),
        own_script="search.js",
    )
