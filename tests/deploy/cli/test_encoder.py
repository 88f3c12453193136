"""`corridor encoder train` and `evaluate`, from configuration to figures."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from deploy.cli.encoder.commands import app
from embed.exported import ExportedEncoder
from embed.network.settings import NetworkSettings
from embed.priors import Prior
from ingest.errors import ConfigError, CorridorError
from ingest.frame import Image
from tests.deploy.cli.tiny_recipe import tiny, write
from tests.embed.tiny_encoder import write_tiny
from tests.training.datasets import layouts
from tests.training.toy_vehicles import draw_set
from training.datasets.registry import list_dataset
from training.priors.filling import fill

SMALL = """
out = "{out}"
[[data]]
set = "folder:{folder}"
priors = "{priors}"
[validation]
set = "folder:{folder}"
priors = "{priors}"
""" + tiny("grl")


class Middle:
    """Finds every vehicle in the middle of its picture."""

    name = "middle"

    def __call__(self, images: Mapping[str, Image]) -> Iterator[tuple[str, Prior | None]]:
        for name in images:
            yield name, Prior(np.array([0.25, 0.25, 0.75, 0.75], np.float32))


def last_four_of_eight_asked(name: str, camera: str) -> str:
    """Split of an image by its number: the first four are trained on."""
    return "train" if int(name[-5]) < 4 else "query" if camera == "left" else "gallery"


@pytest.mark.torch
def test_train_go_on_and_evaluate(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    draw_set(tmp_path / "set", last_four_of_eight_asked, identities=4, images=8)
    run = tmp_path / "run"
    spec, kept = f"folder:{tmp_path / 'set'}", tmp_path / "priors"
    fill(list_dataset(spec), Middle(), kept, lambda done, total: None)
    config = write(tmp_path / "a.toml", SMALL.format(out=run, folder=tmp_path / "set", priors=kept))
    runner = CliRunner()
    first = runner.invoke(app, ["train", str(config)])
    assert first.exit_code == 0, first.output
    assert "trained:" in first.stdout
    assert "epoch 1/1  total" in first.stderr
    row = json.loads((run / "log.jsonl").read_text())
    assert set(row["validation"]) == {"rank1", "mAP"}
    assert list((run / "tensorboard").iterdir())
    again = runner.invoke(app, ["train", str(config)])
    assert isinstance(again.exception, ConfigError)
    assert runner.invoke(app, ["train", str(config), "--resume"]).exit_code == 0
    command = ["evaluate", str(run / "checkpoint.pt"), spec, "--priors", str(kept), "--json"]
    found = runner.invoke(app, command)
    assert found.exit_code == 0, found.output
    figures = [json.loads(line) for line in found.stdout.splitlines()]
    assert [row["prior"] for row in figures] == ["with-prior", "box-only", "no-prior", "shuffled-prior"]
    assert figures[0]["metrics"]["cmc"]["1"] == pytest.approx(row["validation"]["rank1"])
    assert figures[0]["seeds"] == {"training": [0]}
    shown = runner.invoke(app, ["table", str(run)])
    assert shown.exit_code == 0, shown.output
    lines = [
        line for line in shown.stdout.splitlines() if line.startswith("| grl residual, 32x32 | folder set; modern")
    ]
    assert [line.split(" | ")[2] for line in lines] == [row["prior"] for row in figures]
    (entry, *_) = json.loads(runner.invoke(app, ["table", str(run), "--json"]).stdout)
    assert (entry["domain"], entry["row"]["metrics"]) == ("in", figures[0]["metrics"])
    assert "8 of 8 queries are of vehicles that it was trained on" in found.stderr
    (by_default,) = (run / "evaluations").iterdir()
    whole = runner.invoke(app, [*command, "--feature", "msinet"])
    assert {json.loads(line)["feature"] for line in whole.stdout.splitlines()} == {"msinet"}
    assert len(list((run / "evaluations").iterdir())) == 2, f"beside {by_default.name}, not over it"
    lines = runner.invoke(app, ["table", str(run)]).stdout.splitlines()
    assert [sum(f" | {feature} | 0 | " in line for line in lines) for feature in ("f3", "msinet")] == [4, 4]
    drawn = ["figures", str(run / "checkpoint.pt"), spec, "-o", str(tmp_path / "drawn"), "--priors", str(kept)]
    assert runner.invoke(app, drawn).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "activations.png",
        "matches.png",
        "priors.png",
    ]


JOINT = """
out = "{out}"
[[data]]
set = "two-camera/fold{fold}:{sets}/two"
teacher = "{sets}/two.npz"
times = 2
[[data]]
set = "images:{sets}/crops"
teacher = "{sets}/crops.npz"
""" + tiny("msinet", "teacher_images = 3")


def colour(image: Image) -> NDArray[np.float32]:
    """What the toy teacher says."""
    return np.asarray(image.reshape(-1, 3).mean(axis=0), np.float32)


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A two-camera set and crops that nobody has told apart, with a teacher's words about both."""
    pytest.importorskip("torch").set_num_threads(1)
    from training.teacher.vectors import save_teacher_vectors, teacher_vectors

    layouts.two_camera(tmp_path / "two", cars=5, motorcycles=5)
    layouts.write_images(tmp_path / "crops", [f"day/{number}.jpg" for number in range(5)])
    for name, kind in (("two", "two-camera"), ("crops", "images")):
        data = list_dataset(f"{kind}:{tmp_path / name}")
        save_teacher_vectors(tmp_path / f"{name}.npz", teacher_vectors(data, colour, "colour", lambda done, of: None))
    return tmp_path


@pytest.mark.torch
def test_folds_of_joint_trainings_are_pooled(sets: Path, caplog: pytest.LogCaptureFixture) -> None:
    runner = CliRunner()
    for fold in range(1, 6):
        text = JOINT.format(out=sets / f"fold{fold}", fold=fold, sets=sets)
        ended = runner.invoke(app, ["train", str(write(sets / "a.toml", text))])
        assert ended.exit_code == 0, ended.output
        assert "21 images of 8 vehicles" in ended.stderr
    checkpoints = [str(sets / f"fold{fold}" / "checkpoint.pt") for fold in range(1, 6)]
    ended = runner.invoke(app, ["folds", str(sets / "two"), *checkpoints, "--json"])
    assert ended.exit_code == 0, ended.output
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (rows[0]["subset"], rows[0]["queries"], rows[0]["gallery"]) == ("all", 10, 10)
    assert {row["subset"]: row["queries"] for row in rows[1:]} == {"car": 5, "four wheels or more": 5, "motorcycle": 5}
    shown = runner.invoke(app, ["table", str(sets / "fold1")])
    assert "5 folds pooled, 10 images searched" in shown.stdout
    assert "| all (10) |" in shown.stdout
    assert "two-camera two + images crops; taught by colour; modern, epochs 1, identities 4" in shown.stdout
    own = runner.invoke(app, ["evaluate", checkpoints[0], f"two-camera:{sets / 'two'}"])
    assert "8 of 10 queries are of vehicles that it was trained on" in own.stderr
    assert "all that is asked is trained on as well" in caplog.text
    wrong = runner.invoke(app, ["folds", str(sets / "two"), *reversed(checkpoints)])
    assert isinstance(wrong.exception, ConfigError)
    assert re.search(r"fold5/checkpoint.pt was trained on 'car_000\d', which fold1 holds out", str(wrong.exception))
    few = runner.invoke(app, ["folds", str(sets / "two"), *checkpoints[:2]])
    assert "2 checkpoints for 5 folds" in str(few.exception)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.1.teacher=two.npz", "of other files than images's"),
        ("data.1.priors=none", "none is not a folder of priors"),
        ("start=none.pt", "start: cannot read none.pt: No such file"),
        ("validation.set=images:crops", "validation.set: images crops .* has no queries"),
        ("validation.set=folder:lonely", r"validation.set: no query of folder lonely .* has its vehicle by another"),
        ("model.fusion=dense", r"model.fusion: only of grl, and this is msinet"),
        ("recipe.schedule=steps", r"recipe.milestones: schedule 'steps' lowers the rate"),
    ],
)
def test_parts_that_do_not_fit(sets: Path, monkeypatch: pytest.MonkeyPatch, change: str, message: str) -> None:
    monkeypatch.chdir(sets)
    layouts.write_images(sets / "lonely", ["a.png", "b.png"])
    write(sets / "lonely" / "images.csv", "path,identity,camera,split\na.png,v,1,query\nb.png,v,1,gallery\n")
    config = write(sets / "a.toml", JOINT.format(out=sets / "run", fold=1, sets=sets))
    ended = CliRunner().invoke(app, ["train", str(config), "--set", change])
    assert isinstance(ended.exception, ConfigError), ended.output
    assert re.search(message, str(ended.exception))


@pytest.mark.torch
def test_images_without_identity_need_a_teacher(sets: Path) -> None:
    text = JOINT.format(out=sets / "run", fold=1, sets=sets).replace(f'teacher = "{sets}/crops.npz"\n', "")
    ended = CliRunner().invoke(app, ["train", str(write(sets / "a.toml", text))])
    assert "data[1]: nobody knows whose the images of images crops" in str(ended.exception)


@pytest.mark.torch
def test_a_real_teacher(tmp_path: Path, shared_data: Path) -> None:
    from training.teacher.vectors import load_teacher_vectors

    (tmp_path / "two").mkdir()
    for path in sorted((shared_data / "reid" / "hcmc_two_camera").glob("car_*.jpg"))[:8]:
        shutil.copy(path, tmp_path / "two")
    network = shared_data / "weights" / "person-reidentification-retail-0277.xml"
    out = tmp_path / "features.npz"
    ended = CliRunner().invoke(app, ["teach", f"images:{tmp_path / 'two'}", "--by", str(network), "-o", str(out)])
    assert ended.exit_code == 0, ended.output
    assert "8 images, 256 numbers each by person-reidentification-retail-0277 f809b4a16f61" in ended.output
    made = load_teacher_vectors(out)
    alike = made.features.astype(np.float32) @ made.features.astype(np.float32).T
    np.fill_diagonal(alike, -1.0)
    found = [made.names[row].partition("_cam")[0] for row in alike.argmax(axis=1)]
    asked = [name.partition("_cam")[0] for name in made.names.tolist()]
    assert sum(one == other for one, other in zip(found, asked, strict=True)) >= 6


@pytest.mark.torch
def test_a_teacher_is_asked_only_when_its_words_can_be_written(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors take hours: what is wrong with `--out` or `--by` is said before the first."""
    monkeypatch.chdir(sets)
    monkeypatch.setattr("training.teacher.vectors.teacher_vectors", lambda *_: pytest.fail("the teacher was asked"))
    write(sets / "net.safetensors", "")
    for options, message in (
        (("--by", "grl-64", "-o", "crops"), "cannot write crops: it is a folder (name a file in it)"),
        (("--by", "grl-64", "-o", "gone/"), "--out gone does not end in .npz (give gone.npz)"),
        (("--by", "grl-64", "-o", "a.npy"), "--out a.npy does not end in .npz (give a.npz)"),
        (("--by", "grl-64", "-o", "crops/day/0.jpg/a.npz"), "a part of its path is a file"),
        (("--by", "gone.onnx", "-o", "a.npz"), "there is no file gone.onnx"),
        (("--by", "net.safetensors", "-o", "a.npz"), "net.safetensors ends in neither .xml nor .onnx"),
    ):
        ended = CliRunner().invoke(app, ["teach", "images:crops", *options])
        assert isinstance(ended.exception, CorridorError), ended.output
        assert message in str(ended.exception)
    assert not list(sets.glob("gone*"))


@pytest.mark.torch
def test_the_encoder_that_comes_with_the_program_is_a_teacher(sets: Path) -> None:
    out = sets / "taught" / "crops.npz"
    ended = CliRunner().invoke(app, ["teach", f"images:{sets / 'crops'}", "--by", "grl-64", "-o", str(out)])
    assert ended.exit_code == 0, ended.output
    assert "5 images, 768 numbers each by grl-64 " in ended.output
    assert out.is_file()


@pytest.mark.torch
def test_what_was_stopped_ends_otherwise_than_what_is_trained(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that trains and evaluates does not evaluate half a training."""

    def at_once(stop: Callable[[], None]) -> AbstractContextManager[None]:
        stop()
        return nullcontext()

    monkeypatch.setattr("training.encoder.configured.stops_on_signal", at_once)
    config = write(sets / "a.toml", JOINT.format(out=sets / "run", fold=1, sets=sets))
    ended = CliRunner().invoke(app, ["train", str(config)])
    assert ended.exit_code == 130
    assert "stopped in epoch 1, go on with --resume" in ended.stdout


@pytest.mark.torch
def test_project_writes_a_new_export(tmp_path: Path) -> None:
    from tests.training.random_encoder import random_checkpoint
    from training.encoder.export import export

    random_checkpoint(tmp_path / "a.pt", NetworkSettings(name="grl", height=32, width=32))
    first = export(tmp_path / "a.pt", tmp_path / "a.onnx")
    layouts.write_images(tmp_path / "crops", [f"day/{number}.jpg" for number in range(6)])
    data = [f"two-camera:{layouts.two_camera(tmp_path / 'two')}", f"images:{tmp_path / 'crops'}"]
    command = ["project", str(tmp_path / "a.onnx"), *data, "-o", str(tmp_path / "b.onnx"), "--dim", "8"]
    done = CliRunner().invoke(app, [*command, "--looks", "1"])
    assert done.exit_code == 0, done.output
    assert "two-camera: 50 crops" in done.stderr
    assert "images: 6 crops" in done.stderr
    metadata = ExportedEncoder.open(tmp_path / "b.onnx").metadata
    assert f"{ExportedEncoder.open(tmp_path / 'b.onnx').id}: grl, 8 numbers a vehicle" in done.stdout
    assert metadata.projection == f"{first.id}, ridge 0.3, of two-camera, images"
    alone = CliRunner().invoke(app, [*command[:2], data[1], *command[-4:], "--looks", "0"])
    assert isinstance(alone.exception, ConfigError)
    assert "nothing in it is shown twice" in str(alone.exception)


@pytest.mark.torch
def test_an_export_is_measured_as_the_checkpoint_that_it_is_of(tmp_path: Path) -> None:
    from tests.training.random_encoder import random_checkpoint
    from training.encoder.checkpoint import CheckpointError
    from training.encoder.export import export

    random_checkpoint(tmp_path / "a.pt", NetworkSettings(name="grl", height=32, width=32))
    export(tmp_path / "a.pt", tmp_path / "exported" / "a.onnx")
    spec = f"two-camera:{layouts.two_camera(tmp_path / 'two')}"
    network = tmp_path / "exported" / "a.safetensors"
    of_checkpoint, of_export = (
        CliRunner().invoke(app, ["evaluate", str(path), spec, "--json"]) for path in (tmp_path / "a.pt", network)
    )
    assert of_export.exit_code == 0, of_export.output
    rows = [[json.loads(line) for line in ended.stdout.splitlines()] for ended in (of_checkpoint, of_export)]
    assert [row["metrics"] for row in rows[0]] == [row["metrics"] for row in rows[1]]
    assert {tuple(row["seeds"]) for row in rows[1]} == {()}
    assert not (tmp_path / "exported" / "evaluations").exists(), "no table is made of exports"
    other = CliRunner().invoke(app, ["evaluate", str(network), spec, "--feature", "msinet"])
    assert isinstance(other.exception, ConfigError)
    assert "is an export and has the feature 'f3' alone" in str(other.exception)
    graph = CliRunner().invoke(app, ["evaluate", str(network.with_suffix(".onnx")), spec])
    assert isinstance(graph.exception, ConfigError)
    assert f"(give the weights beside it, {network}, or the checkpoint" in str(graph.exception)
    for path in (network, network.with_suffix(".onnx")):
        drawn = CliRunner().invoke(app, ["figures", str(path), spec, "-o", str(tmp_path / "drawn")])
        assert isinstance(drawn.exception, CheckpointError)
        assert "(give the checkpoint that the export was made of)" in str(drawn.exception)


@pytest.mark.torch
def test_calibrate_measures_an_export_and_writes_into_it(tmp_path: Path) -> None:
    encoder = write_tiny(tmp_path / "tiny.onnx")
    before = ExportedEncoder.open(encoder)
    spec = f"two-camera:{layouts.two_camera(tmp_path / 'two')}"
    runner = CliRunner()
    looked = runner.invoke(app, ["calibrate", str(encoder), spec, "--no-write"])
    assert looked.exit_code == 0, looked.output
    assert "(25 pairs), two" in looked.stdout
    assert ExportedEncoder.open(encoder).id == before.id
    done = runner.invoke(app, ["calibrate", str(encoder), spec])
    assert done.exit_code == 0, done.output
    after = ExportedEncoder.open(encoder)
    assert f"is now {after.id} (it was {before.id})" in done.stdout
    assert after.metadata.calibration is not None
    assert after.metadata.calibration.sources[0].startswith("two-camera (50 files, ")
    twice = runner.invoke(
        app, ["calibrate", str(encoder), spec, f"two-camera:{layouts.two_camera(tmp_path / 'again')}"]
    )
    assert isinstance(twice.exception, ConfigError)
    assert "is the same set as" in str(twice.exception)
    few = runner.invoke(app, ["calibrate", str(encoder), f"two-camera:{layouts.two_camera(tmp_path / 'few', cars=3)}"])
    assert isinstance(few.exception, ConfigError)
    assert "are too few to calibrate by" in str(few.exception)
