"""Eclipse SUMO: its installation, networks and demand for it, and the vehicles it drives. Nothing else calls it."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from ingest.errors import ConfigError
from ingest.synthetic.sumo.demand import default_types, kind_of, mix_kinds
from ingest.synthetic.world.streets import Line
from ingest.synthetic.world.traffic import VehicleKind

_CHUNK = 1 << 16
_TRIPS_PER_KM_H = 200
_SECTIONS_LEFT_OUT = {"output", "report", "time", "gui_only", "random_number", "traci_server", "mesoscopic"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A network with demand, ready to be simulated.

    arguments: of sumo, without its additional files. kinds: of the vehicles of each type.
    """

    name: str
    source: str
    net: Path
    arguments: tuple[str, ...]
    additional: tuple[str, ...]
    kinds: Mapping[str, VehicleKind | None]


@dataclass(frozen=True, slots=True)
class Spot:
    """A vehicle at a moment: the middle of its front bumper; heading 0 is along y, counter-clockwise."""

    time_s: float
    vehicle: str
    kind: VehicleKind
    x_m: float
    y_m: float
    heading_deg: float


def sumo_home() -> Path:
    """Find the installed SUMO: the Python package, else SUMO_HOME; raises ConfigError when there is none."""
    package = importlib.util.find_spec("sumo")
    places = [Path(place) for place in (package.submodule_search_locations or ())] if package else []
    if os.environ.get("SUMO_HOME"):
        places.append(Path(os.environ["SUMO_HOME"]))
    for home in places:
        if shutil.which("sumo", path=home / "bin"):
            return home
    raise ConfigError("Drawing traffic needs Eclipse SUMO: pip install 'corridor[traffic]', or set SUMO_HOME")


def sumo_version() -> str:
    """Ask the SUMO found for its version, such as `1.28.0`."""
    words = _run("sumo", "--version").split()
    return next((word for word in words if word[:1].isdigit() and "." in word), "unknown")


def prepare(source: str, folder: Path, seed: int, until_s: float) -> Scenario:
    """Prepare a scenario from a `.sumocfg`, a `.net.xml`, an OpenStreetMap extract, or `grid:3x3`.

    folder: for the files that this writes. seed: of the trips, and of the grid's form. until_s: end of the trips.

    Networks without demand get random trips until `until_s`. Raises ConfigError when the source is not usable.
    """
    if source.startswith("grid:"):
        return _with_trips(source, f"SUMO netgenerate {source}", _grid(source, folder, seed), folder, seed, until_s)
    path = Path(source)
    if not path.is_file():
        raise ConfigError(f"Cannot draw traffic from '{source}': no such file (or write grid:3x3)")
    if path.name.endswith(".sumocfg"):
        return _from_configuration(path, folder)
    if path.name.endswith((".net.xml", ".net.xml.gz")):
        return _with_trips(path.name.split(".")[0], path.name, path, folder, seed, until_s)
    if path.name.endswith((".osm", ".osm.xml", ".osm.gz", ".osm.xml.gz")):
        text = f"{path.name}: map data (c) OpenStreetMap contributors, ODbL 1.0"
        return _with_trips(path.name.split(".")[0], text, _import_osm(path, folder), folder, seed, until_s)
    raise ConfigError(f"Cannot draw traffic from '{source}': give a .sumocfg, .net.xml, .osm, .osm.xml, or grid:3x3")


def drive(
    scenario: Scenario,
    *,
    seed: int,
    scale: float,
    warm_up_from_s: float,
    begin_s: float,
    end_s: float,
    step_s: float,
    areas: Sequence[Line] = (),
) -> Iterator[list[Spot]]:
    """Simulate, and give the vehicles of a few steps at a time, in the order of time, from begin_s to end_s.

    scale: of the demand. warm_up_from_s: the simulation begins here, with empty streets. step_s: of the simulation and
    of what it gives. areas: (N, 2) polygons; vehicles elsewhere are left out. Raises ConfigError when SUMO refuses the
    scenario.
    """
    with tempfile.TemporaryDirectory(prefix="corridor-") as name, tempfile.TemporaryFile() as complaints:
        command = [
            str(_program("sumo")),
            *scenario.arguments,
            *_options(seed, scale, warm_up_from_s, begin_s, end_s, step_s),
            *_additional_options(scenario, areas, Path(name)),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=_environment())
        try:
            yield from _read(process, scenario.kinds)
            if process.wait() != 0:
                complaints.seek(0)
                raise ConfigError(f"SUMO cannot drive '{scenario.name}': {_last_error(complaints.read())}")
        finally:
            process.kill()
            process.communicate()


def _options(seed: int, scale: float, warm_up_from_s: float, begin_s: float, end_s: float, step_s: float) -> list[str]:
    values = {
        "seed": seed, "scale": scale, "begin": warm_up_from_s, "end": end_s, "step-length": step_s,
        "device.fcd.begin": begin_s, "device.fcd.period": step_s, "fcd-output": "stdout",
        "fcd-output.attributes": "x,y,angle,type", "precision": 3, "no-step-log": "true", "no-warnings": "true",
        "lanechange.duration": 3, "ignore-route-errors": "true", "time-to-teleport": 150, "xml-validation": "never",
        "xml-validation.net": "never", "collision.action": "none", "duration-log.disable": "true",
    }  # fmt: skip
    return [text for name, value in values.items() for text in (f"--{name}", str(value))]


def _additional_options(scenario: Scenario, areas: Sequence[Line], folder: Path) -> list[str]:
    if not areas:
        return ["--additional-files", ",".join(scenario.additional)]
    root = ElementTree.Element("additional")
    for number, area in enumerate(areas):
        shape = " ".join(f"{x:.2f},{y:.2f}" for x, y in area)
        ElementTree.SubElement(root, "poly", id=f"corridor-{number}", color="0,0,0", shape=shape)
    path = folder / "areas.add.xml"
    ElementTree.ElementTree(root).write(path)
    names = ",".join(f"corridor-{number}" for number in range(len(areas)))
    return ["--additional-files", ",".join([*scenario.additional, str(path)]), "--fcd-output.filter-shapes", names]


def _read(process: "subprocess.Popen[bytes]", kinds: Mapping[str, VehicleKind | None]) -> Iterator[list[Spot]]:
    """Parse SUMO's output while it is written; nothing is kept."""
    assert process.stdout is not None
    spots: list[Spot] = []
    time_s = 0.0

    def start(tag: str, values: dict[str, str]) -> None:
        nonlocal time_s
        if tag == "timestep":
            time_s = float(values["time"])
        elif tag == "vehicle" and (kind := kind_of(values["type"], kinds)) is not None:
            place = float(values["x"]), float(values["y"]), -float(values["angle"])
            spots.append(Spot(time_s, values["id"], kind, *place))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    while chunk := process.stdout.read(_CHUNK):
        try:
            parser.Parse(chunk)
        except expat.ExpatError as error:
            raise ConfigError(f"SUMO's output cannot be read: {error}") from error
        if spots:
            yield spots
            spots = []


def _from_configuration(path: Path, folder: Path) -> Scenario:
    """Scenario of a `.sumocfg`, without its outputs and times, its files rewritten for our kinds of vehicles."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigError(f"Cannot read the SUMO configuration {path}: {error}") from error
    options = {
        leaf.tag: leaf.get("value", "") for section in root if section.tag not in _SECTIONS_LEFT_OUT for leaf in section
    }
    net = path.parent / options.pop("net-file", options.pop("n", ""))
    if not net.is_file():
        raise ConfigError(f"The SUMO configuration {path} names no network that is there ({net})")
    kinds: dict[str, VehicleKind | None] = {}
    default = folder / "kinds.add.xml"
    ElementTree.ElementTree(default_types()).write(default)
    additional = [str(default), *_rewritten(path, options.pop("additional-files", ""), folder, kinds)]
    routes = _rewritten(path, options.pop("route-files", ""), folder, kinds)
    if not routes:
        raise ConfigError(f"The SUMO configuration {path} names no route-files: give its .net.xml for random traffic")
    arguments = ["--net-file", str(net.resolve()), "--route-files", ",".join(routes)]
    arguments += [text for name, value in options.items() for text in (f"--{name}", value)]
    return Scenario(path.stem, path.name, net, tuple(arguments), tuple(additional), kinds)


def _rewritten(path: Path, names: str, folder: Path, kinds: dict[str, VehicleKind | None]) -> list[str]:
    files = []
    for name in filter(None, (each.strip() for each in names.split(","))):
        file = (path.parent / name).resolve()
        if not file.is_file():
            raise ConfigError(f"The SUMO configuration {path} names {file}, which is not there")
        try:
            files.append(str(mix_kinds(file, folder / f"{len(list(folder.iterdir()))}-{file.stem}.xml", kinds)))
        except (OSError, ElementTree.ParseError) as error:
            raise ConfigError(f"Cannot read {file}: {error}") from error
    return files


def _with_trips(name: str, source: str, net: Path, folder: Path, seed: int, until_s: float) -> Scenario:
    """Scenario of a network with random trips, mostly through it, by SUMO's own randomTrips.py."""
    trips, types = folder / "trips.xml", folder / "kinds.add.xml"
    ElementTree.ElementTree(default_types()).write(types)
    tool = str(sumo_home() / "tools" / "randomTrips.py")
    options = {
        "-n": str(net.resolve()), "-o": str(trips), "--seed": str(seed), "-e": str(until_s), "--fringe-factor": "20",
        "--min-distance": "250", "--insertion-density": str(_TRIPS_PER_KM_H),
    }  # fmt: skip
    _call([sys.executable, tool, *(text for pair in options.items() for text in pair)], f"randomTrips on {net}", folder)
    arguments = ("--net-file", str(net.resolve()), "--route-files", str(trips))
    return Scenario(name, f"{source}, random trips", net, arguments, (str(types),), {})


def _grid(source: str, folder: Path, seed: int) -> Path:
    columns, _, rows = source.removeprefix("grid:").partition("x")
    if not (columns.isdigit() and rows.isdigit() and 2 <= int(columns) <= 20 and 2 <= int(rows) <= 20):
        raise ConfigError(f"Cannot read '{source}': write grid:COLUMNSxROWS with 2 to 20 of each, such as grid:3x3")
    net = folder / "grid.net.xml"
    options = {
        "grid.x-number": columns, "grid.y-number": rows, "grid.length": "170", "grid.attach-length": "140",
        "default.lanenumber": "2", "turn-lanes": "1", "sidewalks.guess": "true", "sidewalks.guess.min-speed": "0",
        "crossings.guess": "true", "default-junction-type": "traffic_light", "seed": str(seed),
        "perturb-x": "norm(0,12)", "perturb-y": "norm(0,12)", "output-file": str(net),
    }  # fmt: skip
    _run("netgenerate", "--grid", *(text for name, value in options.items() for text in (f"--{name}", value)), *_DETAIL)
    return net


def _import_osm(path: Path, folder: Path) -> Path:
    net = folder / "osm.net.xml"
    options = {
        "osm-files": str(path.resolve()), "output-file": str(net), "sidewalks.guess": "true", "crossings.guess": "true",
        "tls.guess-signals": "true", "tls.discard-simple": "true", "tls.join": "true", "geometry.remove": "true",
        "ramps.guess": "true", "junctions.join": "true", "keep-edges.by-vclass": "passenger",
        "remove-edges.isolated": "true",
    }  # fmt: skip
    _run("netconvert", *(text for name, value in options.items() for text in (f"--{name}", value)), *_DETAIL)
    return net


_DETAIL = (
    "--junctions.internal-link-detail", "20", "--junctions.corner-detail", "8", "--junctions.limit-turn-speed", "2.5",
    "--no-turnarounds.except-deadend", "true", "--xml-validation", "never",
)  # fmt: skip


def _run(program: str, *arguments: str) -> str:
    return _call([str(_program(program)), *arguments], program)


def _call(command: Sequence[str], what: str, folder: Path | None = None) -> str:
    # Some of SUMO's tools leave files where they are called, unasked.
    done = subprocess.run(command, capture_output=True, env=_environment(), check=False, cwd=folder)
    if done.returncode != 0:
        raise ConfigError(f"SUMO's {what} failed: {_last_error(done.stderr)}")
    return done.stdout.decode(errors="replace")


def _program(name: str) -> Path:
    found = shutil.which(name, path=sumo_home() / "bin")
    if found is None:
        raise ConfigError(f"The SUMO in {sumo_home()} lacks the program '{name}': pip install 'corridor[traffic]'")
    return Path(found)


def _environment() -> dict[str, str]:
    home = sumo_home()
    projections = {name: str(home / "data" / "proj") for name in ("PROJ_LIB", "PROJ_DATA") if name not in os.environ}
    return {**os.environ, "SUMO_HOME": str(home), **projections}


def _last_error(complaints: bytes) -> str:
    """First error among SUMO's complaints: those that follow are consequences."""
    lines = [line.strip() for line in complaints.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error")]
    return (errors or lines[-1:] or ["no reason given"])[0]
