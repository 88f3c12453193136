"""The operations of the API that are reports, as JSON and as CSV."""

from functools import partial

from starlette.responses import Response

from deploy.web.access.control import address_of
from deploy.web.access.users import Role
from deploy.web.operation import API, Call, Operation
from deploy.web.reading.csv_text import csv_text
from deploy.web.reports import REPORTS, Report
from deploy.web.site import WebSite


def report_operations(site: WebSite) -> list[Operation]:
    """Two operations a report."""
    found = []
    for name, report in REPORTS.items():
        found.append(
            Operation(
                "GET",
                f"{API}{name}",
                Role.VIEWER,
                report.summary,
                partial(_read, site, report),
                query=report.query,
                answer=report.answer,
                example=f"{API}{name}?from=1970-01-01T00:00:00Z&to=1970-01-02T00:00:00Z",
            )
        )
        found.append(
            Operation(
                "GET",
                f"{API}{name}.csv",
                Role.VIEWER,
                f"{report.summary} As CSV.",
                partial(_export, site, name, report),
                query=report.query,
                media="text/csv",
            )
        )
    return found


def _read(site: WebSite, report: Report, call: Call) -> object:
    return report.read(site.index, call.query)


def _export(site: WebSite, name: str, report: Report, call: Call) -> Response:
    assert call.caller is not None
    text = csv_text(report.row, report.read(site.index, call.query).rows)
    site.access.audit.note(call.caller.name, address_of(call.request), "export", f"{name} {call.request.url.query}")
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
