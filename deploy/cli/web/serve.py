"""`corridor serve`: the operator's view, the API and metrics of a site."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.web.libraries import require_web
from deploy.site.config import load_config
from deploy.site.site_log import open_site_log
from ingest.signals import stops_on_signal

Listen = Annotated[
    str,
    typer.Option(
        "--listen",
        metavar="[HOST]:PORT",
        help="Where to listen. On loopback no account is needed; anywhere else there have to be users.",
    ),
]


def serve(
    file: Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)],
    listen: Listen = "127.0.0.1:8600",
) -> None:
    """Serve the operator's view, the API and metrics of a site, until Ctrl-C.

    It reads the log like any consumer, also on another machine than the cameras, and may be started and stopped at
    any time. Open http://localhost:8600 in a browser; the API is described there. TLS is for a reverse proxy.
    """
    require_web()
    from deploy.web.server import make_site, parse_address, serving

    config = load_config(file)
    host, port = parse_address(listen)
    stop = threading.Event()
    with closing(open_site_log(config, file, must_exist=True)) as log:
        site = make_site(config, file, log, host)
        with stops_on_signal(stop.set), serving(site, host, port) as served:
            while not stop.wait(0.2) and not served.ended.is_set():
                pass
