"""The configuration of a training: what it may say, and that what is documented and committed can be read."""

import re
from pathlib import Path

import pytest

from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError
from tests.conftest import ROOT
from tests.deploy.cli.tiny_recipe import write
from training.encoder.config import DataSettings, EncoderConfig, ValidationSettings, load_encoder_config
from training.encoder.recipe import MODERN, PAPER, Recipe


def test_a_configuration_is_its_base_and_what_it_changes(tmp_path: Path) -> None:
    plain = load_encoder_config(write(tmp_path / "a.toml", 'out = "x"\n[[data]]\nset = "y"\n'))
    assert plain.recipe == PAPER
    assert plain.model.name == "grl"
    modern = write(tmp_path / "b.toml", 'out = "x"\n[[data]]\nset = "y"\n[recipe]\nbase = "modern"\nepochs = 9\n')
    recipe = load_encoder_config(modern).recipe
    assert (recipe.epochs, recipe.schedule, recipe.ema_decay) == (9, "cosine", MODERN.ema_decay)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('out = "x"\n', "key 'data' is missing"),
        (
            'out = "x"\n[[data]]\nset = "y"\n[recipe]\nepocs = 3\n',
            "unknown key 'recipe.epocs' \\(known here: base, epochs",
        ),
        ('out = "x"\n[[data]]\nset = "y"\n[recipe]\nbase = "old"\n', "there is no recipe 'old'"),
        ('out = "x"\n[[data]]\nset = "y"\n[model]\nname = "vgg"\n', "key 'model.name': .*one of: grl, msinet"),
        ('out = "x"\n[[data]]\nset = "y"\n[model]\nheight = 100\n', "key 'model.height'"),
        ('out = "x"\n[[data]]\nset = "y"\n[recipe]\nrate = inf\n', "key 'recipe.rate': inf is no number"),
        ('out = "x"\ndata = []\n', "key 'data': Expected `array` of length >= 1"),
        ('out = "${NO_SUCH}/x"\n', r"no variable NO_SUCH, which '\$\{NO_SUCH\}' stands for"),
        ("out = ", "is not valid TOML"),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_encoder_config(write(tmp_path / "a.toml", text))


def test_every_setting_is_documented(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "training.md").read_text()
    kinds = (EncoderConfig, DataSettings, ValidationSettings, NetworkSettings, Recipe)
    keys = [key for kind in kinds for key in kind.__struct_fields__]
    assert [key for key in keys if f"`{key}`" not in text] == ["data", "validation", "model", "recipe"], "the tables"
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    load_encoder_config(write(tmp_path / "a.toml", example[1]))


def test_changes_over_the_file_and_variables_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETS", "/data")
    path = write(tmp_path / "a.toml", 'out = "x"\n[[data]]\nset = "veri:${SETS}/city"\n')
    changes = ["seed=3", "model.name=osnet", "data.0.times=2", "out=runs/${SETS}", "recipe.base=modern"]
    config = load_encoder_config(path, changes)
    assert (config.seed, config.model.name, config.out) == (3, "osnet", "runs//data")
    assert config.data == (DataSettings(set="veri:/data/city", times=2),)
    assert config.recipe == MODERN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed", "expected KEY=VALUE"),
        ("data.1.times=2", "there is no place for 'data.1.times'"),
        ("out.folder=x", "there is no place for 'out.folder'"),
        ("sed=1", "unknown key 'sed'"),
        ("seed=one", "key 'seed'"),
    ],
)
def test_a_change_that_has_no_place(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_encoder_config(write(tmp_path / "a.toml", 'out = "x"\n[[data]]\nset = "y"\n'), [change])


@pytest.mark.parametrize("path", sorted((ROOT / "training" / "recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_committed_recipes_are_configurations(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIDOR_DATA", "/data")
    config = load_encoder_config(path)
    assert config.recipe.base == "modern"
    assert f"recipes/{path.name}" in (ROOT / "docs" / "training.md").read_text()
