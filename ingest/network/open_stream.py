"""Opening a network stream with FFmpeg, without a word of its URL in any error."""

import errno
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.container
import av.error

from ingest.clock import Clock
from ingest.decoding.container import best_video, reason
from ingest.errors import AuthFailedError, SourceError
from ingest.secrets import PLACEHOLDER

PROBE_BYTES = {"rtsp": (32, 500_000), "http": (100_000, 5_000_000)}
"""Bytes to read before the stream is believed known; the next step where the one before found no frame size."""

REFUSALS = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError, av.error.HTTPNotFoundError)


@dataclass(frozen=True, slots=True)
class Failure:
    """Reason for which a stream could not be opened."""

    why: str
    refused: bool = False
    timed_out: bool = False
    setup: bool = False  # RTSP: the camera was there, and did not want to send as it was asked to


def open_stream(
    url: str, options: dict[str, str], timeout: tuple[float, float], clock: Clock
) -> "av.container.InputContainer | Failure":
    """Never raises: a traceback through here would show the URL. Tries the small probe first."""
    failure = Failure("there is no video in it")
    for probe_bytes in PROBE_BYTES["rtsp" if "rtsp_transport" in options else "http"]:
        # No `nobuffer`: it throws away what was probed, and with it the first key frame.
        quick = {"flags": "low_delay", "probesize": str(probe_bytes), "analyzeduration": "0"}
        began_s = clock.monotonic_s()
        try:
            container = av.open(url, options={**options, **quick}, timeout=timeout, metadata_errors="replace")
        except REFUSALS as error:
            return Failure(reason(error), refused=True)
        except Exception as error:  # of whatever kind: its traceback would show the URL
            if clock.monotonic_s() - began_s >= timeout[0]:  # often comes as "invalid data"
                return Failure("no answer", timed_out=True)
            why = reason(error) if isinstance(error, av.error.FFmpegError) else type(error).__name__
            failure = Failure(why, setup=getattr(error, "errno", None) == errno.EPROTONOSUPPORT)
            if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
                continue
            return failure
        if (best := best_video(container)) is not None and best.codec_context.width:
            return container
        container.close()
    return failure


def refusal(what: str, failure: Failure, transport: str, open_s: float) -> SourceError:
    """The error of a stream that could not be opened: `what`, the reason, and what to do.

    AuthFailedError where the camera refuses us. transport: how RTP was asked for, `tcp` or `udp`; empty for HTTP.
    """
    if failure.refused:
        return AuthFailedError(
            f"{what}: the camera refuses: {failure.why} (check the path, the user name in the source, and the "
            "password that credentials names)"
        )
    why = f"no answer within {open_s:g} s" if failure.timed_out else failure.why
    return SourceError(f"{what}: {why}{_transport_hint(failure, transport)}")


def _transport_hint(failure: Failure, transport: str) -> str:
    """Hint at the other transport where the way that RTP travels may be the reason; empty otherwise."""
    if failure.setup and transport == "tcp":
        return ' (the camera may send its video by UDP only: set transport = "udp")'
    if transport == "udp" and (failure.setup or failure.timed_out):
        return ' (UDP may not get through, or the camera sends its video by TCP only: set transport = "tcp")'
    return ""


def with_password(source: str, password: str | None) -> str:
    """The URL with its password in it, percent-encoded: at every `{password}`, else behind the user name in `source`.

    A byte of the password that is no UTF-8 (`surrogateescape`) is sent as it is.
    """
    if password is None:
        return source
    encoded = quote(password.encode("utf-8", "surrogateescape"), safe="")
    if PLACEHOLDER in source:
        return source.replace(PLACEHOLDER, encoded)
    parts = urlsplit(source)
    user, separator, host = parts.netloc.rpartition("@")
    account = f"{user if separator else ''}:{encoded}"
    return urlunsplit(parts._replace(netloc=f"{account}@{host}"))
