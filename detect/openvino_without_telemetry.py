"""OpenVINO without its telemetry, and with one core: the only door through which it is imported.

`import openvino` alone builds a telemetry object and reports the import over the network (seen in 2026.4). Where its
telemetry package cannot be imported it falls back on a stub, so that package is made impossible to import first.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # the import system's way to say: not to be had

import openvino  # noqa: E402

CORE = openvino.Core()
"""The core of this process, for all of its networks.

With its first network a core gives the calling thread a stack for signal handlers, and frees it at its own end. Of
several cores the last one to end puts the stack of one that ended before back into place, which is gone: the next
Ctrl-C, meant as a request for a good end, is a segmentation fault (seen in 2026.4).
"""

__all__ = ["CORE", "openvino"]
