"""The operations of searching in the API."""

from functools import partial

from deploy.web.access.control import address_of
from deploy.web.access.users import Role
from deploy.web.operation import API, Call, Operation
from deploy.web.searching.finding import ImageSearchQuery, SearchAnswer, SearchQuery, find_again, find_image
from deploy.web.searching.uploads import Upload, sent_image
from deploy.web.site import WebSite


def search_operations(site: WebSite) -> list[Operation]:
    """Searching by what has been seen, and by an image."""
    return [
        Operation(
            "GET",
            f"{API}search",
            Role.VIEWER,
            "Find a vehicle again, by an identity or a sighting (`[search] index`).",
            partial(_again, site),
            query=SearchQuery,
            answer=SearchAnswer,
        ),
        Operation(
            "POST",
            f"{API}search",
            Role.VIEWER,
            "Find the vehicle in an image, which is the body.",
            partial(_image, site),
            query=ImageSearchQuery,
            body=Upload,
            upload=sent_image,
            answer=SearchAnswer,
        ),
    ]


def _again(site: WebSite, call: Call) -> SearchAnswer:
    note_search(site, call, call.query.identity or call.query.sighting or "")
    return find_again(site.searcher, site.crops, call.query)


def _image(site: WebSite, call: Call) -> SearchAnswer:
    note_search(site, call, f"an image of {len(call.body.image)} bytes")
    return find_image(site.searcher, site.crops, call.body.image, call.query)[0]


def note_search(site: WebSite, call: Call, words: str) -> None:
    """Write a search into the audit log."""
    assert call.caller is not None
    site.access.audit.note(call.caller.name, address_of(call.request), "search", words)
