"""The pages of identities: the list, and one of them with its links and what people say about them."""

from datetime import datetime
from functools import partial
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import RedirectResponse, Response

from deploy.web.access.control import address_of
from deploy.web.access.users import Role
from deploy.web.operation import Call, Operation
from deploy.web.pages.rendering import Renderer, names_in
from deploy.web.problems import RequestError
from deploy.web.reading.corrections import NewCorrection
from deploy.web.reading.identities import IdentityQuery, list_identities
from deploy.web.reading.one_identity import IdentityDetail, read_identity
from deploy.web.site import WebSite
from ingest.errors import ConfigError

ON_A_PAGE = 25
OTHERS = 20
"""Names that the field `same as` suggests."""


class ListForm(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Fields of the list's form, as a browser sends them; times without a zone are those of this machine."""

    camera: str | None = None
    label: str | None = None
    colour: str | None = None
    start: str | None = None
    end: str | None = None
    probability: str | None = None
    cameras: int | None = None
    cursor: str | None = None

    def query(self) -> IdentityQuery:
        """The question that they ask; raises RequestError for what is none."""
        return IdentityQuery(
            camera=self.camera,
            label=self.label,
            colour=self.colour,
            start=local_time(self.start),
            end=local_time(self.end),
            probability=_number(self.probability),
            cameras=self.cameras,
            limit=ON_A_PAGE,
            cursor=self.cursor,
        )


class VerdictForm(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of a verdict: the two tracklets, or the other identity's name."""

    verdict: str
    one: str | None = None
    other: str | None = None
    identity: str | None = None


def identity_pages(site: WebSite, renderer: Renderer) -> list[Operation]:
    """The operations behind the pages."""
    show_list, show_one = partial(_list, site, renderer), partial(_one, site, renderer)
    page = partial(Operation, page=True)
    return [
        page("GET", "/identities", Role.VIEWER, "The list.", show_list, query=ListForm),
        page("GET", "/identities/{identity}", Role.VIEWER, "One of them.", show_one),
        page(
            "POST",
            "/identities/{identity}/corrections",
            Role.OPERATOR,
            "Say something about a link of it.",
            partial(_correct, site, show_one),
            body=VerdictForm,
        ),
    ]


def _list(site: WebSite, renderer: Renderer, call: Call) -> Response:
    form: ListForm = call.query
    page = list_identities(site.index, site.crops, form.query())
    fields = {field.encode_name: getattr(form, field.name) for field in msgspec.structs.fields(ListForm)}
    chosen = {name: value for name, value in fields.items() if value is not None and name != "cursor"}
    return renderer.page(
        "identities.html",
        call.caller,
        "/identities",
        page=page,
        query=form,
        filtered=bool(chosen),
        next_url=f"/identities?{urlencode({**chosen, 'cursor': page.next})}",
        cameras=names_in(site, "SELECT camera AS name FROM cameras ORDER BY 1"),
        labels=names_in(site, "SELECT name FROM names WHERE kind = 'label' ORDER BY 1"),
        colours=names_in(site, "SELECT name FROM names WHERE kind = 'colour' ORDER BY 1"),
        zone=zone_name(),
    )


def _one(site: WebSite, renderer: Renderer, call: Call) -> Response:
    found = _found(site, call.path("identity"))
    rivals = {each.link.runner_up for each in found.sightings if each.link and each.link.runner_up}
    others = names_in(
        site,
        "SELECT identity AS name FROM identities WHERE superseded_by IS NULL ORDER BY last_ns DESC, identity DESC "
        f"LIMIT {OTHERS}",
    )
    return renderer.page(
        "identity.html",
        call.caller,
        "/identities",
        found=found,
        tracklets=" ".join(
            [*(each.sighting.tracklet for each in found.sightings), *(each.tracklet for each in found.lost)]
        ),
        rivals=[name for name in [*sorted(rivals), *others] if name != found.identity.identity],
        zone_name=site.config.associate.zone,
    )


def _found(site: WebSite, name: str) -> IdentityDetail:
    found = read_identity(site.index, site.crops, name)
    if found is None:
        raise RequestError(404, f"there is no identity '{name[:80]}'")
    return found


def _correct(site: WebSite, show_one: partial[Response], call: Call) -> Response:
    assert call.caller is not None
    form: VerdictForm = call.body
    name = call.path("identity")
    if form.identity is not None:
        one, other = _nearest(site, name, form.identity.strip())
    elif form.one is None or form.other is None:
        raise RequestError(422, "a verdict is about two sightings")
    else:
        one, other = form.one, form.other
    try:
        said = msgspec.convert({"verdict": form.verdict, "tracklets": (one, other)}, NewCorrection)
    except msgspec.ValidationError as error:
        raise RequestError(422, str(error)) from error
    words = f"{said.verdict} {one} {other}"
    site.access.audit.note(call.caller.name, address_of(call.request), "correction", words)
    control = site.correct(said, call.caller.name)
    site.metrics.corrections.inc()
    site.follower.wait_for(control.id)
    if "HX-Request" in call.request.headers:
        return show_one(call)
    return RedirectResponse(f"/identities/{quote(name, safe='')}", 303)


def _nearest(site: WebSite, name: str, other: str) -> tuple[str, str]:
    """The two sightings of two identities that are nearest in time: what `same` joins."""
    if site.index.row("SELECT 1 FROM identities WHERE identity = ?", (other,)) is None or name == other:
        raise ConfigError(f"there is no other identity '{other[:80]}'")
    row = site.index.row(
        "SELECT a.tracklet AS one, b.tracklet AS other FROM visits a JOIN visits b "
        "WHERE a.identity = ? AND b.identity = ? "
        "ORDER BY max(a.enter_ns - b.leave_ns, b.enter_ns - a.leave_ns) LIMIT 1",
        (name, other),
    )
    if row is None:
        raise ConfigError(f"'{name}' or '{other}' has no sighting any more")
    return row["one"], row["other"]


def zone_name() -> str:
    """Name of this machine's time zone."""
    return datetime.fromtimestamp(0).astimezone().tzname() or "local time"


def local_time(text: str | None) -> datetime | None:
    """The time of a form's field, None for an empty one; raises RequestError for what is none."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise RequestError(400, f"'{text[:40]}' is no time (use 2026-05-04T08:00)") from error


def _number(text: str | None) -> float | None:
    try:
        number = None if text is None else float(text)
    except ValueError as error:
        raise RequestError(400, f"'{text}' is no probability") from error
    return number if number is None or 0 <= number <= 1 else None
