"""Templates of the pages, and how times and shares are written on them: in the time zone of this machine."""

from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from deploy.log.topics import TRAJECTORIES
from deploy.results.explanation import BY_TWO_CAMERAS
from deploy.web.access.sessions import Caller
from deploy.web.access.users import Role
from deploy.web.problems import RequestError
from deploy.web.site import WebSite

TEMPLATES = Path(__file__).parents[1] / "templates"
PAGES = (
    ("/live", "Live"),
    ("/identities", "Identities"),
    ("/search", "Search"),
    ("/matches", "Matches"),
    ("/map", "Map"),
    ("/reports", "Travel times"),
    ("/cameras", "Cameras"),
    ("/api", "API"),
)


class Renderer:
    """Renders the templates of a site."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
        self._templates.trim_blocks = self._templates.lstrip_blocks = True
        self._templates.filters |= {"moment": moment, "clock": clock, "span": span, "share": share}
        self._templates.globals["by_two_cameras"] = BY_TWO_CAMERAS

    def page(
        self, name: str, caller: Caller | None, here: str, *, status: int = 200, follows: bool = True, **values: object
    ) -> HTMLResponse:
        """Render a page. here: the path of its entry in the navigation; follows: it listens to events."""
        site = self._site
        shown = {
            "site": site.name,
            "caller": caller,
            "open": site.access.open,
            "nav": PAGES,
            "here": here,
            "own_script": None,
            "follows": follows and caller is not None,
            "after": site.index.position(TRAJECTORIES),
            "problems": self._problems() if caller is not None else [],
            "crops_kept": site.crops.shown,
            "may_change": caller is not None and caller.role.includes(Role.ADMIN),
            "may_correct": caller is not None and caller.role.includes(Role.OPERATOR),
        }
        return HTMLResponse(self._templates.get_template(name).render(shown | values), status)

    def problem(self, request: Request, caller: Caller | None, problem: RequestError) -> HTMLResponse:
        """Render the page of an error."""
        title = HTTPStatus(problem.status).phrase
        values = {"title": title, "detail": problem.detail}
        return self.page("problem.html", caller, "", status=problem.status, follows=False, **values)

    def _problems(self) -> list[str]:
        """What everybody who looks at a page has to know about it."""
        follower = self._site.follower
        found = []
        if follower.problem is not None:
            found.append(f"The log cannot be read just now, so that nothing new is shown: {follower.problem}")
        elif not follower.caught_up:
            found.append("The log is still being read: what is shown is not all of it yet.")
        if follower.undecoded.total:
            found.append(f"Not all of the log is shown: {follower.undecoded}.")
        return found


def names_in(site: WebSite, sql: str) -> list[str]:
    """The column `name` of a query, for the choices of a form."""
    return [row["name"] for row in site.index.rows(sql)]


def moment(at: datetime) -> str:
    """Day and time of the place where the server is."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def clock(at: datetime) -> str:
    """Time of day of the place where the server is."""
    return f"{at.astimezone():%H:%M:%S}"


def span(passed: timedelta) -> str:
    """A span of time in few letters; below zero where views overlap."""
    seconds = passed.total_seconds()
    if abs(seconds) < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if abs(minutes) < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def share(probability: float) -> str:
    """A probability with two digits; never 1.00, since nothing is certain but what somebody said."""
    return f"{min(probability, 0.995):.2f}".removeprefix("0") if probability < 0.995 else "> .99"
