"""A training keeps to the priors that it began with."""

from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("torch")

import torch

from deploy.cli.encoder.commands import app
from ingest.errors import ConfigError
from tests.deploy.cli.tiny_recipe import tiny
from tests.training.priors.planted import FromName, quiet
from tests.training.toy_vehicles import draw_set
from training.datasets.registry import list_dataset, open_dataset
from training.encoder.checkpoint import load_checkpoint
from training.priors import filling as prior_filling
from training.priors.cache import PriorCacheMetadata
from training.priors.filling import WorkShare, fill, fill_share

pytestmark = pytest.mark.torch

CONFIG = """
out = "run"
[[data]]
set = "folder:set"
priors = "priors"
""" + tiny("grl")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training with priors that two processes have found."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    draw_set(folder / "set", lambda name, camera: "train", identities=4, images=4)
    data = list_dataset(f"folder:{folder / 'set'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prior_filling, "PriorCacheMetadata", partial(PriorCacheMetadata, shard=4))
        for number in (2, 1):
            maker = FromName("dino 0123, sam 4567")
            fill_share(data, maker, folder / "priors", quiet, WorkShare(number, 2))
            assert len(maker.asked) == 8
    fill(data, FromName("dino 0123, sam 89ab"), folder / "others", quiet)
    (folder / "a.toml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ended = CliRunner().invoke(app, ["train", "a.toml"])
    assert ended.exit_code == 0, ended.output
    return folder


def go_on(trained: Path, monkeypatch: pytest.MonkeyPatch, *changes: str) -> Result:
    monkeypatch.chdir(trained)
    given = [word for change in changes for word in ("--set", change)]
    return CliRunner().invoke(app, ["train", "a.toml", "--resume", *given])


def test_a_checkpoint_says_whose_priors_of_which_files_it_learned_from(trained: Path) -> None:
    origin, _ = load_checkpoint(trained / "run" / "checkpoint.pt")
    data = open_dataset(f"folder:{trained / 'set'}")
    assert origin.data == f"{data.fingerprint()}, priors by dino 0123, sam 4567"


def test_it_goes_on_with_the_same_priors(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert go_on(trained, monkeypatch).exit_code == 0
    (trained / "priors").rename(trained / "moved")
    try:
        assert go_on(trained, monkeypatch, "data.0.priors=moved").exit_code == 0
    finally:
        (trained / "moved").rename(trained / "priors")


def test_it_does_not_go_on_with_those_of_another_maker(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = go_on(trained, monkeypatch, "data.0.priors=others")
    assert isinstance(ended.exception, ConfigError)
    assert "priors by dino 0123, sam 4567, now " in str(ended.exception)
    assert "priors by dino 0123, sam 89ab" in str(ended.exception)


def test_it_does_not_go_on_without(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (trained / "a.toml").read_text()
    (trained / "a.toml").write_text(text.replace('priors = "priors"\n', ""))
    try:
        ended = go_on(trained, monkeypatch)
    finally:
        (trained / "a.toml").write_text(text)
    assert isinstance(ended.exception, ConfigError)
    assert "was trained with other training images" in str(ended.exception)


def test_it_does_not_go_on_with_those_of_other_files(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = next((trained / "set").glob("*.png"))
    before = path.read_bytes()
    path.write_bytes(before + b"\0")  # a file of another size
    try:
        ended = go_on(trained, monkeypatch)
    finally:
        path.write_bytes(before)
    assert isinstance(ended.exception, ConfigError)
    assert "the priors are of other files than folder's" in str(ended.exception)


def test_it_does_not_begin_with_part_of_them(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = trained / "priors" / "000000.shard"
    hidden = shard.rename(trained / "hidden")
    try:
        ended = go_on(trained, monkeypatch)
    finally:
        hidden.rename(shard)
    assert isinstance(ended.exception, ConfigError)
    assert "has priors of 12 of 16 images" in str(ended.exception)
