"""No set trains on cameras that are kept for measuring, and a set for measuring shares nothing with training."""

from dataclasses import replace

import pytest

from ingest.errors import ConfigError
from ingest.synthetic.world.presets import PRESETS, TRACES, UNSEEN, find_camera
from training.datasets.city.dataset import CitySettings, make_plan
from training.datasets.city.shards import SetCamera
from training.datasets.city.unseen import check_unseen

MEASURED = CitySettings(identities=4, cameras=3, views=1, seed=90, presets=UNSEEN, test_share=1.0)
TRAINED = CitySettings(identities=4, cameras=2, views=1, seed=1, presets=("smooth",))


def test_cameras_kept_for_measuring_are_in_no_list_and_in_no_training_set() -> None:
    assert not set(UNSEEN) & set(PRESETS)
    assert {find_camera(name, 0)[0].weather.light for name in UNSEEN} == {"sun", "overcast", "night"}
    with pytest.raises(ConfigError, match=r"preset 'unseen-sun' is kept for measuring: nothing may be trained on it"):
        make_plan(replace(MEASURED, test_share=0.3))


def test_a_set_for_measuring_shares_nothing_with_one_for_training() -> None:
    check_unseen(make_plan(MEASURED), [make_plan(TRAINED)])


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        (replace(MEASURED, seed=1), "seed 1 draws the vehicles of a training set too"),
        (replace(TRAINED, seed=2), "preset 'smooth' is in a training set too"),
        (replace(TRAINED, seed=2, presets=("rush-hour",), cameras=6), r"stands 0 m from one of a training set"),
    ],
    ids=["the same vehicles", "the same preset", "the same place"],
)
def test_what_is_shared_is_told(measured: CitySettings, told: str) -> None:
    trained = make_plan(replace(TRAINED, presets=("look-alikes",)) if "stands" in told else TRAINED)
    with pytest.raises(ConfigError, match=told):
        check_unseen(make_plan(measured), [trained])


def test_cameras_of_different_maps_are_apart() -> None:
    town = make_plan(replace(TRAINED, seed=3, presets=("clock-skew",)))
    assert town.cameras[0] == SetCamera("clock-skew", 0)
    check_unseen(town, [make_plan(TRAINED)])


def test_traffic_of_ones_own_is_compared_by_its_map() -> None:
    """Seen from the cameras of a file on the same streets, a place is no other one."""
    same, other = (f"clock-skew@{TRACES / name}" for name in ("rush.city", "grid.city"))
    measured = make_plan(replace(TRAINED, seed=3, presets=("rush-hour",)))
    with pytest.raises(ConfigError, match=r"stands 0 m from one of a training set"):
        check_unseen(measured, [make_plan(replace(TRAINED, presets=(same,)))])
    check_unseen(measured, [make_plan(replace(TRAINED, presets=(other,)))])
