"""A teacher is one network that makes one vector of an image; whatever else `--by` names is refused at once."""

from pathlib import Path

import numpy as np
import pytest

from embed.settings import SHIPPED_FILE
from ingest.errors import ConfigError
from tests.embed.tiny_encoder import write_tiny
from training.teacher.network import LONGEST, SUFFIXES, make_teacher, need_vector, teacher_file

PICTURE = np.arange(40 * 30 * 3, dtype=np.uint32).reshape(40, 30, 3).astype(np.uint8)


def write_reshaping(path: Path, *shapes: tuple[int, ...], batch: int | str = 1) -> Path:
    """Write a network that says nothing but the pixels of its input (batch, 3, 4, 4), in every one of some shapes."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto
    names = [f"out{number}" for number in range(len(shapes))]
    nodes = [helper.make_node("Reshape", ["image", f"{name}_shape"], [name]) for name in names]
    asked = [
        onnx.numpy_helper.from_array(np.array(shape, np.int64), f"{name}_shape")
        for name, shape in zip(names, shapes, strict=True)
    ]
    inputs = [helper.make_tensor_value_info("image", kind.FLOAT, [batch, 3, 4, 4])]
    outputs = [
        helper.make_tensor_value_info(name, kind.FLOAT, [None] * len(shape))
        for name, shape in zip(names, shapes, strict=True)
    ]
    graph = helper.make_graph(nodes, "reshaping", inputs, outputs, asked)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("shape", [(1, 48), (1, 48, 1, 1)], ids=str)
def test_one_vector_an_image_is_a_teacher(tmp_path: Path, shape: tuple[int, ...]) -> None:
    vector = make_teacher(write_reshaping(tmp_path / "vector.onnx", shape))(PICTURE)
    assert vector.size == 48
    assert vector.any()


def test_an_export_is_a_teacher(tmp_path: Path) -> None:
    vector = make_teacher(write_tiny(tmp_path / "tiny.onnx"))(PICTURE)
    assert vector.shape == (5,)


@pytest.mark.parametrize("shape", [(1, 12, 4), (1, 1, 6, 8), (48,), (6, 8), (1, 3, 4, 4), (1, 24, 2, 1)], ids=str)
def test_what_a_detector_makes_of_an_image_is_no_vector(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write_reshaping(tmp_path / "boxes.onnx", shape)
    with pytest.raises(ConfigError) as told:
        make_teacher(path)
    assert f"the teacher {path} makes {shape} of an image, not one vector: (1, D)" in str(told.value)
    assert "no detector" in str(told.value)


def test_a_vector_has_some_numbers_and_not_too_many() -> None:
    for dim in (2, 256, LONGEST):
        need_vector(Path("a.xml"), {"out": (1, dim)})
    for dim in (1, LONGEST + 1):
        with pytest.raises(ConfigError, match=rf"makes \(1, {dim}\) of an image, not one vector"):
            need_vector(Path("a.xml"), {"out": (1, dim)})


def test_several_outputs_are_named(tmp_path: Path) -> None:
    path = write_reshaping(tmp_path / "two.onnx", (1, 48), (1, 6, 8))
    with pytest.raises(ConfigError, match=r"has the outputs out0 \(1, 48\), out1 \(1, 6, 8\); one is expected"):
        make_teacher(path)


def test_an_input_without_a_fixed_size_is_said(tmp_path: Path) -> None:
    path = write_reshaping(tmp_path / "any.onnx", (-1, 48), batch="batch")
    with pytest.raises(ConfigError, match=r"any.onnx cannot be run: .* \(its input must be one image") as told:
        make_teacher(path)
    assert "\n" not in str(told.value)


def test_the_name_of_the_encoder_that_comes_with_the_program_is_its_file() -> None:
    assert teacher_file(Path("grl-64")) == SHIPPED_FILE


def test_files_that_cannot_be_a_teacher_are_refused_unread(tmp_path: Path) -> None:
    for suffix in (*SUFFIXES, ".pt"):
        (tmp_path / f"net{suffix}").write_text("")
    (tmp_path / "folder.onnx").mkdir()
    assert [teacher_file(tmp_path / f"net{suffix}").suffix for suffix in SUFFIXES] == list(SUFFIXES)
    for gone in ("gone.onnx", "gone.pt", "folder.onnx"):
        with pytest.raises(ConfigError, match=rf"there is no file .*/{gone} \(a teacher is an \.xml of OpenVINO, an "):
            teacher_file(tmp_path / gone)
    with pytest.raises(ConfigError, match=r"net\.pt ends in neither \.xml nor \.onnx \(give .*/net\.onnx\)"):
        teacher_file(tmp_path / "net.pt")
    (tmp_path / "net.onnx").unlink()
    with pytest.raises(ConfigError, match=r"net\.pt ends in neither \.xml nor \.onnx \(give an \.xml of OpenVINO, an "):
        teacher_file(tmp_path / "net.pt")
