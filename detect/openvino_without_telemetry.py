"""OpenVINO without its telemetry: the only door through which it is imported.

`import openvino` alone builds a telemetry object and reports the import over the network (seen in 2026.4). Where its
telemetry package cannot be imported it falls back on a stub, so that package is made impossible to import first.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # the import system's way to say: not to be had

import openvino  # noqa: E402

__all__ = ["openvino"]
