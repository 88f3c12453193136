"""Requests drawn from the OpenAPI document by schemathesis, and what an answer must be."""

from collections import Counter
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks

from deploy.web.operation import API
from tests.deploy.web.town import Town

NAMES = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
EVENTS = f"{API}events"
"""A stream that goes on for as long as somebody listens."""

THERE = {"camera": "a", "identity": "z-1"}
"""What there is in a town: of names that are drawn there is none."""


def fuzz(served: Town, examples: int, *, by_chance: bool = False) -> Counter[tuple[str, int]]:
    """Send so many requests to every operation but events; returns how often each answered with which status.

    by_chance: others with every call. Raises what a check finds.
    """
    load_all_checks()
    document: Any = schemathesis.openapi.from_url(f"http://127.0.0.1:{served.port}{API}openapi.json")
    statuses: Counter[tuple[str, int]] = Counter()
    operations = [found.ok() for found in document.exclude(path=EVENTS).get_all_operations()]
    for operation in sorted(operations, key=lambda each: each.method == "delete"):  # what is gone, is gone for all
        sent = _sent(operation, examples, by_chance)
        statuses += Counter({(operation.label, status): count for status, count in sent.items()})
    return statuses


def _sent(operation: Any, examples: int, by_chance: bool) -> Counter[int]:
    """The statuses of requests to one operation; half of them are about what there is."""
    checks = CHECKS.get_by_names(NAMES)
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        derandomize=not by_chance,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), there=st.booleans())
    def send(case: Any, there: bool) -> None:
        if there:
            case.path_parameters = {name: THERE[name] for name in case.path_parameters or {}}
        answer = case.call(timeout=20)
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=checks)

    send()
    return statuses
