"""A sample of requests drawn from the document: no fault of the server, and no answer that is not described."""

from deploy.web.app import operations_of
from deploy.web.pages.rendering import Renderer
from tests.deploy.web.fuzzing import EVENTS, fuzz
from tests.deploy.web.town import Town

EXAMPLES = 3


def test_requests_drawn_from_the_document_find_no_fault(own: Town) -> None:
    statuses = fuzz(own, EXAMPLES)
    api = [each for each in operations_of(own.site, Renderer(own.site)) if each.is_api and each.path != EVENTS]
    described = {f"{each.method} {each.path}" for each in api if not each.path.endswith("openapi.json")}
    assert {label for label, _ in statuses} == described
    assert {"GET /api/v1/cameras", "GET /api/v1/under-way"} <= {label for label, status in statuses if status == 200}
