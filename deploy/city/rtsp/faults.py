"""Faults that a mount can be given, as cameras have them."""

from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """The faults of one mount; assign at any time, from any thread. As created, nothing is wrong.

    refuse: every request is answered with this status: 401, 403, 404, 503.
    mute: requests are not answered at all, as by a host that hangs.
    udp_only: RTP inside the connection is refused (461), as by cameras that send it by UDP only.
    stalled: connections stay open and nothing is sent; frames of that time are lost.
    sender_reports: whether there are any; relays often send none.
    report_interval_s: pause between two sender reports; a client's first one comes `first_report_s` after its
        first frame.
    no_clock: reports count from 1970-01-01, as a camera does that lost its time.
    clock_offset_s, clock_drift_ppm: how wrong the camera's clock is, and how much more so every second.
    rtp_jump_s: added to all RTP timestamps from now on.
    garbage_every: the second half of every n-th frame is noise; 0 is never.
    parameter_sets: whether DESCRIBE has them (sprop-parameter-sets); they are in the stream in any case.
    """

    refuse: int | None = None
    mute: bool = False
    udp_only: bool = False
    stalled: bool = False
    sender_reports: bool = True
    report_interval_s: float = 1.0
    first_report_s: float = 0.0
    no_clock: bool = False
    clock_offset_s: float = 0.0
    clock_drift_ppm: float = 0.0
    rtp_jump_s: float = 0.0
    garbage_every: int = 0
    parameter_sets: bool = True

    def camera_time_ns(self, true_ns: int, began_ns: int) -> int:
        """Time by the camera's own clock, Unix nanoseconds; the mount began at `began_ns`."""
        running_ns = true_ns - began_ns
        wrong_ns = round(self.clock_offset_s * 1e9 + running_ns * self.clock_drift_ppm * 1e-6)
        return (running_ns if self.no_clock else true_ns) + wrong_ns
