"""Travel times given by hand, as what is believed before anything was seen."""

import numpy as np
import pytest

from associate.topology import GIVEN_COUNT, Topology, Travel, Window
from ingest.errors import ConfigError


def test_windows_of_pairs() -> None:
    topology = Topology([Travel(start="a", end="b", min_s=2, max_s=9, both_ways=True)], Window(0, 60))
    assert topology.window("a", "b") == topology.window("b", "a") == Window(2, 9)
    assert topology.window("a", "c") == Window(0, 60)
    assert topology.window("a", "a") is None
    assert topology.horizon_s == 60
    assert Topology([], None).window("a", "b") is None


@pytest.mark.parametrize(
    "travel",
    [
        [Travel(start="a", end="b", min_s=9, max_s=2)],
        [Travel(start="a", end="b", min_s=1, max_s=2), Travel(start="b", end="a", min_s=1, max_s=2, both_ways=True)],
    ],
)
def test_windows_that_make_no_sense(travel: list[Travel]) -> None:
    with pytest.raises(ConfigError, match="travel from"):
        Topology(travel, None)


def test_densities_say_what_was_given() -> None:
    topology = Topology([Travel(start="a", end="b", min_s=10, max_s=20)], Window(-90, 60))
    priors = topology.priors(["a", "b"])
    density, centres = priors.densities[0, priors.which], topology.bins.centres_s
    assert density.shape == (2, 2, topology.bins.count)
    assert density[0, 1, (centres < 5) | (centres > 25)].max() < 1e-3
    assert priors.count[0, 1] == GIVEN_COUNT > priors.count[1, 0]
    assert priors.given.tolist() == [[False, True], [False, False]]
    assert not density[1, 0, centres > 65].any()
    assert (density * topology.bins.widths_s).sum(-1) == pytest.approx(np.ones((2, 2)))


def test_a_pair_that_is_not_listed_has_no_density_where_only_listed_ones_count() -> None:
    topology = Topology([Travel(start="a", end="b", min_s=10, max_s=20)], None)
    priors = topology.priors(["a", "b"])
    density = priors.densities[0, priors.which]
    assert density[0, 1].any()
    assert not density[1, 0].any()
    assert density[0, 0].any(), "fragments of one stay need no road"
