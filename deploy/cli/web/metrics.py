"""The option `--metrics` of the commands that do the work."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.web.libraries import require_web
from deploy.log.base import Log

if TYPE_CHECKING:  # loads every library there is
    from deploy.site.association_worker import AssociationWorker
    from deploy.site.perception_worker import PerceptionWorker

MetricsAddress = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="[HOST]:PORT",
        help="Serve metrics for Prometheus there, on loopback unless a host is given: --metrics :9600.",
        show_default=False,
    ),
]


def metrics_at(
    address: str | None,
    log: Log,
    perception: "PerceptionWorker | None" = None,
    association: "Callable[[], AssociationWorker | None]" = lambda: None,
) -> AbstractContextManager[object]:
    """Serve the metrics of this process while a block runs, where an address is given."""
    if address is None:
        return nullcontext()
    require_web()
    from deploy.web.server import parse_address
    from deploy.web.worker_metrics import worker_metrics

    return worker_metrics(parse_address(address), log, perception, association)
