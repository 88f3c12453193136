"""An exported encoder of a few numbers, made without PyTorch: the mean colours of the picture, and of its box."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from embed.exported import FORMAT, IMAGES, KEY, PRIORS, VECTORS, EncoderMetadata
from embed.network.settings import NetworkSettings

SIDE_PX = 32


def metadata(*, priors: bool = True, **changed: Any) -> EncoderMetadata:
    """Its metadata."""
    values: dict[str, Any] = {
        "format": FORMAT,
        "model": NetworkSettings(name="grl", height=SIDE_PX, width=SIDE_PX, test_feature="f3"),
        "dim": 5 if priors else 3,
        "priors": priors,
        "data": "none",
        "identities": 0,
        "seed": 0,
        "recipe": {},
    }
    return EncoderMetadata(**values | changed)


def write_tiny(path: Path, told: EncoderMetadata | None = None, *, gain: float = 1.0, key: str = KEY) -> Path:
    """Write it; `gain` is of its only weights, `told` what it says of itself. Skips the test where there is no onnx."""
    onnx = pytest.importorskip("onnx")
    told = told or metadata()
    helper, kind = onnx.helper, onnx.TensorProto
    has_priors = told.priors
    nodes = [
        helper.make_node("Cast", [IMAGES], ["pixels"], to=kind.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["colours"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["colours", "gains"], ["weighted"]),
    ]
    inputs = [helper.make_tensor_value_info(IMAGES, kind.UINT8, ["batch", SIDE_PX, SIDE_PX, 3])]
    last = "weighted"
    if has_priors:
        shape = ["batch", 2, SIDE_PX // 4, SIDE_PX // 4]
        inputs.append(helper.make_tensor_value_info(PRIORS, kind.FLOAT, shape))
        nodes.append(helper.make_node("ReduceMean", [PRIORS], ["shares"], axes=[2, 3], keepdims=0))
        nodes.append(helper.make_node("Mul", ["shares", "hundred"], ["covered"]))
        nodes.append(helper.make_node("Concat", ["weighted", "covered"], ["both"], axis=1))
        last = "both"
    nodes.append(helper.make_node("LpNormalization", [last], [VECTORS], axis=1, p=2))
    weights = [
        onnx.numpy_helper.from_array(np.array([gain, 1.0, 1.0], np.float32), "gains"),
        onnx.numpy_helper.from_array(np.array(100.0, np.float32), "hundred"),
    ]
    outputs = [helper.make_tensor_value_info(VECTORS, kind.FLOAT, ["batch", 5 if has_priors else 3])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.metadata_props.add(key=key, value=msgspec.json.encode(told).decode())
    path.write_bytes(model.SerializeToString())
    return path
