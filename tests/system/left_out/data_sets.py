"""Data sets: what their readers leave out, and what they refuse."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deploy.cli.encoder.commands import result_table
from deploy.cli.terminal.screen import make_console
from tests.deploy.cli.test_encoder_priors import city_set
from tests.system.left_out.seen import Case, Seen, command, reading
from tests.training.datasets import layouts
from tests.training.datasets.test_odd_inputs import by_identity, jpeg, table
from training.datasets.base import ImageSet, ReidData
from training.datasets.registry import open_dataset
from training.evaluation.protocols import EvaluationConditions, evaluate_features


def opened(make: Callable[[Path], object]) -> Case:
    """The case of a set that is made and opened, as every command does that trains or measures an encoder."""

    def case(folder: Path, _: pytest.MonkeyPatch) -> Seen:
        make(folder)
        return reading(lambda: open_dataset(str(folder)))

    return case


def beside(*names: str, content: bytes = b"\xff\xd8") -> Callable[[Path], object]:
    """A folder an identity, with more files in it."""

    def make(folder: Path) -> None:
        by_identity(folder)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    return make


def unreadable(folder: Path) -> None:
    path = by_identity(folder) / "v0" / "0.jpg"
    path.write_bytes(path.read_bytes()[:-300])


def none_readable(folder: Path) -> None:
    for path in by_identity(folder).glob("*/*.jpg"):
        path.write_bytes(path.read_bytes()[:-300])


def copies(folder: Path) -> None:
    by_identity(folder)
    shutil.copy(folder / "v1" / "0.jpg", folder / "v2" / "0.jpg")


def listed_and_gone(folder: Path) -> None:
    layouts.vehicleid(folder)
    (folder / "image" / "0000001.jpg").unlink()


def odd_line(folder: Path) -> None:
    path = layouts.vehicleid(folder) / "train_test_split" / "train_list.txt"
    path.write_text(path.read_text() + "lonely\n")


def link_to_nowhere(folder: Path) -> None:
    (by_identity(folder) / "v2" / "9.jpg").symlink_to("nowhere")


def two_vehicles(folder: Path) -> None:
    table(folder, "path,identity\na.jpg,1\na.jpg,2\n")


def skipped_queries(_: Path, __: pytest.MonkeyPatch) -> Seen:
    """One of two queries has no image of its vehicle in the gallery; the table is the one of `encoder evaluate`."""
    images = ImageSet.of(Path(), [("a.jpg", "1", "x"), ("b.jpg", "2", "x"), ("c.jpg", "2", "y")])
    data = ReidData("toy", images, images.select(np.array([0, 1])), images.select(np.array([2])))
    vectors = np.eye(2, dtype=np.float32)
    rows = evaluate_features(data, vectors, vectors[:1], EvaluationConditions(fingerprint="toy", feature="f3"))
    heard = reading(lambda: make_console().print(result_table(rows)))
    return Seen(heard.said, heard.code, {"skipped": sum(row.skipped for row in rows)})


def priors(spoil: Callable[[Path], None]) -> Case:
    def case(folder: Path, _: pytest.MonkeyPatch) -> Seen:
        pytest.importorskip("torch")
        spoil(city_set(folder / "set"))
        return command(folder, "encoder", "priors", "set", "--by", "city")

    return case


def spoilt(folder: Path) -> None:
    path = folder / "image_train" / "0002_c002_00030600_0.jpg"
    path.write_bytes(path.read_bytes()[:50])


CASES: dict[str, Case] = {
    "set-unreadable": opened(unreadable),
    "set-none-readable": opened(none_readable),
    "set-names": opened(lambda folder: layouts.write_images(layouts.veri(folder), ["image_train/cover.jpg"])),
    "set-listed-and-gone": opened(listed_and_gone),
    "set-lines": opened(odd_line),
    "set-listed-twice": opened(
        lambda folder: table(
            folder, "path,identity,split\na.jpg,1,train\na.jpg,1,train\nb.jpg,1,train\nc.jpg,2,query\nd.jpg,2,gallery\n"
        )
    ),
    "set-formats": opened(beside("v0/a.heic", "v0/b.webp")),
    "set-system-files": opened(beside("__MACOSX/v0/._0.jpg", "v1/.DS_Store")),
    "set-no-files": opened(link_to_nowhere),
    "set-elsewhere": opened(beside("cover.jpg", content=jpeg(9))),
    "set-junk": opened(
        lambda folder: layouts.write_images(layouts.market1501(folder), ["bounding_box_test/-1_c1s1_000001_01.jpg"])
    ),
    "set-empty-folders": opened(lambda folder: (by_identity(folder) / "v9").mkdir()),
    "set-list-missing": opened(layouts.vehicleid),
    "set-copies": opened(copies),
    "set-two-vehicles": opened(two_vehicles),
    "priors-unreadable": priors(spoilt),
    "priors-without-vehicle": priors(lambda folder: None),
    "evaluate-queries": skipped_queries,
}
