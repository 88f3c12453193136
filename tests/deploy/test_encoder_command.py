"""`corridor encoder train` and `evaluate`, from configuration to figures."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deploy.cli.encoder_command import app
from deploy.encoder_config import DataSettings, EncoderConfig, load_encoder_config
from embed.network.settings import NetworkSettings
from embed.priors import Prior
from ingest.errors import ConfigError
from ingest.frame import Image
from tests.conftest import ROOT
from tests.training.toy_vehicles import draw_vehicles
from training.datasets.opening import open_dataset
from training.prior_cache import fill
from training.recipe import MODERN, PAPER, Recipe

SMALL = """
out = "{out}"
[data]
train = "folder:{folder}"
priors = "{priors}"
validate_every = 1
[model]
name = "grl"
height = 32
width = 32
[recipe]
base = "modern"
epochs = 1
identities = 4
images = 2
align = "none"
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_configuration_is_its_base_and_what_it_changes(tmp_path: Path) -> None:
    plain = load_encoder_config(write(tmp_path / "a.toml", 'out = "x"\n[data]\ntrain = "y"\n'))
    assert plain.recipe == PAPER
    assert plain.model.name == "grl"
    modern = write(tmp_path / "b.toml", 'out = "x"\n[data]\ntrain = "y"\n[recipe]\nbase = "modern"\nepochs = 9\n')
    recipe = load_encoder_config(modern).recipe
    assert (recipe.epochs, recipe.schedule, recipe.ema_decay) == (9, "cosine", MODERN.ema_decay)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('out = "x"\n', "key 'data' is missing"),
        (
            'out = "x"\n[data]\ntrain = "y"\n[recipe]\nepocs = 3\n',
            "unknown key 'recipe.epocs' \\(known here: base, epochs",
        ),
        ('out = "x"\n[data]\ntrain = "y"\n[recipe]\nbase = "old"\n', "there is no recipe 'old'"),
        ('out = "x"\n[data]\ntrain = "y"\n[model]\nname = "vgg"\n', "key 'model.name': .*one of: grl, msinet"),
        ('out = "x"\n[data]\ntrain = "y"\n[model]\nheight = 100\n', "key 'model.height'"),
        ('out = "x"\n[data]\ntrain = "y"\n[recipe]\nrate = inf\n', "key 'recipe.rate': inf is no number"),
        ("out = ", "is not valid TOML"),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_encoder_config(write(tmp_path / "a.toml", text))


def test_every_setting_is_documented(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "training.md").read_text()
    keys = [key for kind in (EncoderConfig, DataSettings, NetworkSettings, Recipe) for key in kind.__struct_fields__]
    assert [key for key in keys if f"`{key}`" not in text] == ["data", "model", "recipe"], "the tables themselves"
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    load_encoder_config(write(tmp_path / "a.toml", example[1]))


class Middle:
    """Finds every vehicle in the middle of its picture."""

    name = "middle"

    def __call__(self, name: str, image: Image) -> Prior:
        return Prior(np.array([0.25, 0.25, 0.75, 0.75], np.float32))


@pytest.mark.torch
def test_train_go_on_and_evaluate(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    images = draw_vehicles(tmp_path / "set", identities=4, images=8)
    lines = ["path,identity,camera,split"]
    for name, identity, camera in zip(images.names, images.identities, images.cameras, strict=True):
        split = "train" if int(name[-5]) < 4 else "query" if camera == "left" else "gallery"
        lines.append(f"{name},{identity},{camera},{split}")
    write(tmp_path / "set" / "images.csv", "\n".join(lines) + "\n")
    run = tmp_path / "run"
    spec, kept = f"folder:{tmp_path / 'set'}", tmp_path / "priors"
    fill(open_dataset(spec), Middle(), kept, lambda done, total: None)
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
