"""Site detectors whose network says the same of every image: an ONNX file with planted outputs."""

from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from detect.site_detector import BOXES, FORMAT, HEAT, IMAGES, KEY, SiteDetectorMetadata

SIZE = (64, 32)
"""Width and height of the input; the grid is a quarter of it."""

METADATA = SiteDetectorMetadata(
    format=FORMAT,
    size=SIZE,
    labels=("car", "truck"),
    min_scores=(0.2, 0.4),
    start_score=0.5,
    teacher="a teacher",
    cameras=("north",),
    frames=10,
    steps=5,
    seed=0,
)

Planted = tuple[str, tuple[int, int], float, tuple[float, float, float, float]]
"""Label, cell as column and row, score, box in pixels of the input."""


def outputs(*planted: Planted) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(2, h, w) scores and (4, h, w) boxes; every other cell says a little of a box that is nowhere."""
    width, height = SIZE[0] // 4, SIZE[1] // 4
    heat = np.full((len(METADATA.labels), height, width), 0.01, np.float32)
    boxes = np.full((4, height, width), -99, np.float32)
    for label, (column, row), score, box in planted:
        heat[METADATA.labels.index(label), row, column] = score
        boxes[:, row, column] = box
    return heat, boxes


def write(
    path: Path, *planted: Planted, raw_metadata: str | None = None, metadata: SiteDetectorMetadata = METADATA
) -> Path:
    """A detector that sees just these; `raw_metadata` takes the place of its metadata."""
    heat, boxes = outputs(*planted)
    nodes, constants = [], []
    for name, values in ((HEAT, heat), (BOXES, boxes)):
        constants.append(numpy_helper.from_array(values[None], f"{name} planted"))
        nodes.append(helper.make_node("Add", [f"{name} planted", "nothing"], [name]))
    zero = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    nodes = [
        helper.make_node("ReduceMean", [IMAGES], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        *nodes,
    ]
    taken = helper.make_tensor_value_info(IMAGES, TensorProto.FLOAT, (1, 3, SIZE[1], SIZE[0]))
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *values.shape))
        for name, values in ((HEAT, heat), (BOXES, boxes))
    ]
    graph = helper.make_graph(nodes, "planted", [taken], given, [*constants, zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.metadata_props.add(
        key=KEY, value=msgspec.json.encode(metadata).decode() if raw_metadata is None else raw_metadata
    )
    onnx.save(model, path)
    return path
