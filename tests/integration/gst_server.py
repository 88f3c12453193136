"""GStreamer's RTSP server, as an independent camera; run by the system's Python, which has `gi` and nothing of ours.

It serves /clock: pictures with their capture time drawn into them as `pixel_clock.draw` does, a key picture every
second. On a second port the same, for user `operator` with the password in CORRIDOR_TEST_PASSWORD only. It prints both
ports when it listens.
"""

import os
import time

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

WIDTH, HEIGHT, CELL, BITS, FPS = 256, 160, 16, 64, 15
CAPS = f"video/x-raw,format=GRAY8,width={WIDTH},height={HEIGHT},framerate={FPS}/1"
ENCODE = f"videoconvert ! video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={FPS}"
LIVE = (
    f"( appsrc name=camera is-live=true do-timestamp=true format=time caps={CAPS} ! {ENCODE} ! rtph264pay name=pay0 )"
)


def frame_bytes() -> bytes:
    """The time in microseconds as black and white cells, 16 in a row, over grey."""
    now_us = time.time_ns() // 1000
    rows = b""
    for first in range(0, BITS, 16):
        row = b"".join((b"\xdc" if now_us >> bit & 1 else b"\x14") * CELL for bit in range(first, first + 16))
        rows += row * CELL
    return rows + b"\x60" * (WIDTH * HEIGHT - len(rows))


def feed(_factory: object, media: object) -> None:
    """Push a picture into the pipeline at the moment it is drawn, until the pipeline is gone."""
    source = media.get_element().get_by_name_recurse_up("camera")  # type: ignore[attr-defined]

    def push() -> bool:
        flow = source.emit("push-buffer", Gst.Buffer.new_wrapped(frame_bytes()))
        return bool(flow == Gst.FlowReturn.OK)

    GLib.timeout_add(1000 // FPS, push)


def factory() -> object:
    """The mount; everybody who comes sees the same pictures."""
    made = GstRtspServer.RTSPMediaFactory()
    made.set_launch(LIVE)
    made.set_shared(True)
    made.connect("media-configure", feed)
    allowed = GstRtspServer.RTSPPermissions()
    for right in ("access", "construct"):
        allowed.add_permission_for_role("user", f"media.factory.{right}", True)
    made.set_permissions(allowed)
    return made


def serve(password: str | None) -> object:
    """A server on a port of its own, with a password or without."""
    server = GstRtspServer.RTSPServer()
    server.set_service("0")
    server.get_mount_points().add_factory("/clock", factory())
    if password is not None:
        user = GstRtspServer.RTSPToken()
        user.set_string("media.factory.role", "user")
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest("operator", password, user)
        server.set_auth(auth)
    server.attach(None)
    return server


def main() -> None:
    """Serve until killed."""
    Gst.init(None)
    servers = [serve(None), serve(os.environ.get("CORRIDOR_TEST_PASSWORD", ""))]
    print(*(server.get_bound_port() for server in servers), flush=True)  # type: ignore[attr-defined]
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
