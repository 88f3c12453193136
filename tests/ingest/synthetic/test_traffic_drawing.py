"""Fresh traffic: networks are read, demand is mixed, and what SUMO drives is recorded as it was driven."""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from deploy.cli.city.traffic import traffic
from ingest.errors import ConfigError
from ingest.synthetic.camera.placement import PlacementRequest
from ingest.synthetic.sumo import program
from ingest.synthetic.sumo.demand import kind_of, mix_kinds
from ingest.synthetic.sumo.drawing import draw_trace
from ingest.synthetic.sumo.net import read_streets
from ingest.synthetic.sumo.program import Spot, drive, prepare, sumo_home
from ingest.synthetic.sumo.recorder import Recorder
from ingest.synthetic.world.trace import read_trace, write_trace
from ingest.synthetic.world.traffic import VehicleKind
from tests.conftest import skip_or_fail

NET = """<net>
  <edge id=":j_0" function="internal"><lane id=":j_0_0" index="0" shape="0,0 9,0"/></edge>
  <edge id=":j_c0" function="crossing">
    <lane id=":j_c0_0" index="0" allow="pedestrian" width="4" shape="50,-6 50,6"/></edge>
  <edge id="a"><lane id="a_0" index="0" allow="pedestrian" width="2" shape="0,-7 90,-7"/>
    <lane id="a_1" index="1" disallow="pedestrian" shape="0,-4.4 90,-4.4"/>
    <lane id="a_2" index="2" allow="bus taxi" width="3.5" shape="0,-1 90,-1"/></edge>
  <edge id="rail"><lane id="rail_0" index="0" allow="tram rail" shape="0,99 90,99"/></edge>
  <junction id="j" type="traffic_light" shape="90,-9 99,-9 99,9 90,9"/>
  <junction id="end" type="dead_end" shape="0,-9 0,0"/>
</net>"""
ROUTES = """<routes>
  <vTypeDistribution id="private"><vType id="p1" vClass="passenger" length="4" probability=".6"/>
    <vType id="p2" probability=".4"/></vTypeDistribution>
  <vType id="alone" vClass="taxi"/><vType id="line" vClass="bus" length="18"/><vType id="bike" vClass="bicycle"/>
  <e1Detector id="d" lane="a_1" pos="3" file="/read/only/out.xml"/>
  <vehicle id="v" type="private" depart="0"><route edges="a"/></vehicle>
</routes>"""


@pytest.fixture
def sumo() -> Path:
    """Where SUMO is installed; skips where it is not."""
    try:
        return sumo_home()
    except ConfigError:
        skip_or_fail("sumo", "Eclipse SUMO is not installed (extra 'traffic', or SUMO_HOME)")
        raise


class TestNetwork:
    def test_lanes_junctions_and_crossings_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "a.net.xml").write_text(NET)
        streets = read_streets(tmp_path / "a.net.xml")
        assert [(lane.edge, lane.place, lane.width_m, lane.kind) for lane in streets.lanes] == [
            ("a", 0, 2.0, "walk"), ("a", 1, 3.2, "road"), ("a", 2, 3.5, "bus"),
        ]  # fmt: skip
        assert streets.lanes[1].centre_m.tolist() == [[0, -4.4], [90, -4.4]]
        assert [len(outline) for outline in streets.junctions] == [4]
        assert streets.crossings[0].tolist() == [[52, -6], [48, -6], [48, 6], [52, 6]]

    @pytest.mark.parametrize(
        ("content", "message"),
        [(None, "No such file"), ("<net>", "no element"), ("<net/>", "has no lanes"), ("not xml", "syntax error")],
    )
    def test_what_is_no_network_is_refused(self, content: str | None, message: str, tmp_path: Path) -> None:
        if content is not None:
            (tmp_path / "a.net.xml").write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_streets(tmp_path / "a.net.xml")


class TestDemand:
    def test_passenger_cars_become_a_mix_and_recorders_go(self, tmp_path: Path) -> None:
        (tmp_path / "in.xml").write_text(ROUTES)
        kinds: dict[str, VehicleKind | None] = {}
        root = ElementTree.parse(mix_kinds(tmp_path / "in.xml", tmp_path / "out.xml", kinds)).getroot()
        assert root.find("e1Detector") is None
        assert root.find("vehicle") is not None
        private = {each.get("id"): each for each in root.findall("vTypeDistribution[@id='private']/vType")}
        assert set(private) == {
            f"{name}@{kind}" for name in ("p1", "p2") for kind in ("car", "van", "truck", "motorcycle")
        }
        assert sum(float(each.get("probability", 0)) for each in private.values()) == pytest.approx(1)
        assert float(private["p1@truck"].get("length", 0)) > 8
        assert root.find("vTypeDistribution[@id='alone']/vType[@id='alone@van']") is not None
        assert kinds == {"line": "bus", "bike": None}

    def test_a_file_that_needs_no_change_is_used_as_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "in.xml").write_text("<routes><vehicle id='v' depart='0'/></routes>")
        assert mix_kinds(tmp_path / "in.xml", tmp_path / "out.xml", {}) == tmp_path / "in.xml"

    @pytest.mark.parametrize(
        ("type_id", "kind"),
        [("p1@van", "van"), ("x@y@bus", "car"), ("line", "bus"), ("bike", None), ("unknown", "car")],
    )
    def test_kinds_are_told_by_type(self, type_id: str, kind: VehicleKind | None) -> None:
        assert kind_of(type_id, {"line": "bus", "bike": None}) == kind


class TestWithoutSumo:
    def test_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        monkeypatch.delenv("SUMO_HOME", raising=False)
        with pytest.raises(ConfigError, match=r"needs Eclipse SUMO: pip install 'corridor\[traffic\]'"):
            prepare("grid:2x2", tmp_path, 1, 60.0)

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("/no/such.sumocfg", "no such file"),
            ("grid:1x3", "2 to 20 of each"),
            ("grid:", "2 to 20 of each"),
            ("town.zip", "give a .sumocfg, .net.xml, .osm"),
            ("empty.sumocfg", "Cannot read the SUMO configuration"),
            ("lost.sumocfg", "names no network that is there"),
            ("idle.sumocfg", "names no route-files"),
        ],
    )
    def test_sources_that_are_none_are_refused(self, source: str, message: str, tmp_path: Path) -> None:
        (tmp_path / "town.zip").write_bytes(b"PK")
        (tmp_path / "empty.sumocfg").write_text("")
        (tmp_path / "lost.sumocfg").write_text(
            "<configuration><input><net-file value='x.net.xml'/></input></configuration>"
        )
        (tmp_path / "a.net.xml").write_text(NET)
        (tmp_path / "idle.sumocfg").write_text(
            "<configuration><input><net-file value='a.net.xml'/></input></configuration>"
        )
        folder = tmp_path / "drafts"
        folder.mkdir()
        path = str(tmp_path / source) if (tmp_path / source).is_file() else source
        with pytest.raises(ConfigError, match=message):
            prepare(path, folder, 1, 60.0)

    @pytest.mark.parametrize(
        ("out", "spacing", "message"),
        [
            ("my.mp4", (90.0, 200.0), r"must end in \.city, not 'my\.mp4'"),
            ("none/my.city", (90.0, 200.0), "there is no folder"),
            ("my.city", (300.0, 200.0), "give the least distance first"),
        ],
    )
    def test_the_command_refuses_before_it_simulates(
        self, out: str, spacing: tuple[float, float], message: str, tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            traffic("grid:2x2", tmp_path / out, spacing=spacing)

    def test_the_command_refuses_wishes_that_contradict_each_other(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="exclude each other"):
            traffic("grid:2x2", tmp_path / "my.city", overlap=True, corridor=True)
        with pytest.raises(ConfigError, match="leave out --overlap and --corridor"):
            traffic("grid:2x2", tmp_path / "my.city", cameras_of=tmp_path / "other.city", overlap=True)


class TestWithSumo:
    @pytest.fixture
    def spots(self, sumo: Path, tmp_path: Path) -> list[Spot]:
        """Ten seconds of a small town, every tenth of a second."""
        scenario = prepare("grid:2x2", tmp_path, 3, 60.0)
        run = drive(scenario, seed=3, scale=2, warm_up_from_s=0, begin_s=40, end_s=50, step_s=0.1)
        return [spot for some in run for spot in some]

    def test_ways_are_where_the_simulation_was_between_their_points(self, spots: list[Spot]) -> None:
        recorder = Recorder(40, 0.1)
        recorder.take(spots)
        names = list(dict.fromkeys(spot.vehicle for spot in spots))
        off_m: list[float] = []
        for way in recorder.ways():
            mine = [spot for spot in spots if spot.vehicle == names[way.vehicle_id - 1]]
            for segment in way.segments:
                inside = [spot for spot in mine if segment.from_s <= spot.time_s - 40 <= segment.to_s]
                poses = segment.poses(np.array([spot.time_s - 40 for spot in inside]))
                offset = poses[:, :2] - np.array([(spot.x_m, spot.y_m) for spot in inside])
                off_m += np.hypot(*offset.T).tolist()
        print(f"{len(off_m)} places, 99.9 % within {np.quantile(off_m, 0.999):.3f} m, all within {max(off_m):.3f} m")
        assert len(off_m) > 1000
        assert np.quantile(off_m, 0.999) < 0.1
        assert max(off_m) < 0.2  # where two lanes meet at an angle

    def test_a_drawn_town_is_the_same_file_each_time(self, sumo: Path, tmp_path: Path) -> None:
        told: set[str] = set()
        for name in ("one.city", "other.city"):
            trace = draw_trace(
                "grid:2x2", PlacementRequest(2, (80.0, 400.0)), name="town", seed=5, begin_s=40, duration_s=10, scale=2,
                report=lambda what, share: told.add(what),
            )  # fmt: skip
            write_trace(trace, tmp_path / name)
        assert (tmp_path / "one.city").read_bytes() == (tmp_path / "other.city").read_bytes()
        back = read_trace(tmp_path / "one.city")
        assert len(back.header.cameras) == 2
        assert len(back.ways) > 3
        assert back.streets.crossings
        assert back.header.source.startswith("SUMO netgenerate grid:2x2, random trips; simulated with Eclipse SUMO 1.")
        assert told == {"placing cameras", "recording traffic"}
        again = draw_trace("grid:2x2", back.header.cameras, name="town", seed=5, begin_s=50, duration_s=5, scale=2)
        assert again.header.cameras == back.header.cameras
        assert len(again.ways) > 1

    def test_a_configuration_with_demand_drives(self, sumo: Path, tmp_path: Path) -> None:
        grid = prepare("grid:2x2", tmp_path, 3, 60.0)
        edges = [
            lane.edge for lane in read_streets(grid.net).lanes if lane.kind == "road" and lane.edge.startswith("left0")
        ]
        (tmp_path / "a.rou.xml").write_text(
            f'<routes><vType id="line" vClass="bus"/><flow id="b" type="line" begin="0" end="60" period="9" '
            f'departLane="best" from="{edges[0]}" to="{edges[0]}"/></routes>'
        )
        (tmp_path / "a.sumocfg").write_text(
            f'<configuration><input><net-file value="{grid.net.name}"/><route-files value="a.rou.xml"/></input>'
            '<output><tripinfo-output value="/read/only/trips.xml"/></output></configuration>'
        )
        folder = tmp_path / "drafts"
        folder.mkdir()
        scenario = prepare(str(tmp_path / "a.sumocfg"), folder, 1, 60.0)
        run = drive(scenario, seed=1, scale=1, warm_up_from_s=0, begin_s=0, end_s=30, step_s=1.0)
        assert {spot.kind for some in run for spot in some} == {"bus"}

    def test_sumo_s_own_complaint_is_passed_on(self, sumo: Path, tmp_path: Path) -> None:
        (tmp_path / "a.net.xml").write_text("<net><edge")
        scenario = program.Scenario("broken", "", tmp_path / "a.net.xml", ("--net-file", "a.net.xml"), (), {})
        with pytest.raises(ConfigError, match="SUMO cannot drive 'broken': Error"):
            list(drive(scenario, seed=1, scale=1, warm_up_from_s=0, begin_s=0, end_s=9, step_s=1.0))
