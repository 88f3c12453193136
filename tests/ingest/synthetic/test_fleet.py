"""Who the vehicles are: drawn from their id alone, in the colours of real traffic."""

from collections import Counter

import pytest

from ingest.errors import ConfigError
from ingest.synthetic.vehicle.catalogue import MODELS
from ingest.synthetic.vehicle.fleet import LOOK_ALIKES, REAL_TRAFFIC, FleetMix, Vehicle, draw_vehicle
from ingest.synthetic.vehicle.model import Bgr
from ingest.synthetic.vehicle.paints import PAINTS

KINDS = ("car", "van", "truck", "bus", "motorcycle")


def paint_name(paint_bgr: Bgr) -> str:
    return next(name for name, tones in PAINTS.items() if paint_bgr in tones)


class TestDrawVehicle:
    def test_same_arguments_same_vehicle_in_any_order(self) -> None:
        forward = [draw_vehicle(number, None, 5) for number in range(50)]
        backward = [draw_vehicle(number, None, 5) for number in reversed(range(50))]
        assert forward == backward[::-1]

    def test_ids_and_seeds_make_a_difference(self) -> None:
        assert len({draw_vehicle(number, None, 5).seed for number in range(200)}) == 200
        assert draw_vehicle(1, None, 5) != draw_vehicle(1, None, 6)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("mix", [REAL_TRAFFIC, LOOK_ALIKES], ids=["real", "look-alikes"])
    def test_draws_the_class_asked_for(self, kind: str, mix: FleetMix) -> None:
        drawn = [draw_vehicle(number, kind, 3, mix) for number in range(40)]
        assert {vehicle.model.kind for vehicle in drawn} == {kind}

    def test_a_class_that_is_not_in_the_mix_is_refused(self) -> None:
        mix = FleetMix((("saloon-1", 1.0),), (("white", 1.0),), tones=1, white_work=1.0)
        with pytest.raises(ConfigError, match=r"'bus' \(known: car\)"):
            draw_vehicle(1, "bus", 3, mix)


class TestMixes:
    def test_four_paints_are_three_quarters_of_the_cars(self) -> None:
        paints = Counter(paint_name(draw_vehicle(number, "car", 8).paint_bgr) for number in range(3000))
        plain = sum(paints[name] for name in ("white", "black", "grey", "silver")) / 3000
        assert plain == pytest.approx(0.76, abs=0.03)
        assert len(paints) == len(PAINTS)

    def test_work_vehicles_are_mostly_white(self) -> None:
        paints = Counter(paint_name(draw_vehicle(number, "van", 8).paint_bgr) for number in range(600))
        assert paints["white"] / 600 > 0.6

    def test_real_traffic_has_every_model(self) -> None:
        assert {name for name, weight in REAL_TRAFFIC.models if weight > 0} == set(MODELS)

    def test_look_alikes_repeat_model_and_paint(self) -> None:
        def largest_group(mix: FleetMix) -> int:
            drawn = [draw_vehicle(number, None, 2, mix) for number in range(400)]
            return Counter((vehicle.model.name, vehicle.paint_bgr) for vehicle in drawn).most_common(1)[0][1]

        assert largest_group(LOOK_ALIKES) > 25
        assert 2 <= largest_group(REAL_TRAFFIC) < 25


class TestCatalogue:
    def test_at_least_nine_body_types_most_in_several_models(self) -> None:
        bodies = Counter(model.body for model in MODELS.values())
        assert len(bodies) >= 9
        assert all(
            bodies[body] >= 2 for body in ("hatchback", "saloon", "estate", "suv", "pickup", "van", "box-truck", "bus")
        )

    def test_every_name_says_the_body(self) -> None:
        assert all(name == model.name and name.startswith(model.body + "-") for name, model in MODELS.items())

    def test_models_of_one_body_have_proportions_of_their_own(self) -> None:
        outlines = {(model.body, model.length_m, model.roofline) for model in MODELS.values()}
        assert len(outlines) == len(MODELS)

    def test_a_vehicle_is_a_value(self) -> None:
        vehicle = draw_vehicle(4, "car", 1)
        again = Vehicle(vehicle.vehicle_id, vehicle.model, vehicle.paint_bgr, vehicle.seed)
        assert hash(vehicle) == hash(again)
