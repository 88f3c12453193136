"""The cities of the bench: traffic, fleet and detector mistakes drawn by a seed, made once and kept.

`python -m tests.bench.association_city.cities SEED… [--city NAME…] [--seconds S] [--learning]` makes logs ahead.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.site.encoders import mask_source
from detect.settings import DetectSettings
from embed.settings import SHIPPED, SHIPPED_FILE, EmbedSettings
from ingest.errors import ConfigError
from ingest.synthetic.sumo.program import sumo_version
from tests.bench.tracking import CACHE, DATA, ROOT

FOLDER = CACHE / "association_city"
BOLOGNA = DATA / "traffic" / "bologna" / "run.sumocfg"
SECONDS = 600.0
REPORTED = (9001, 9002, 9003)
"""Seeds of the published figures; settings are chosen on seeds below 100."""
_LAYOUT = 1
"""Of the logs; another number makes them anew."""


@dataclass(frozen=True, slots=True)
class City:
    """One city: where its traffic is from, and which preset's weather, fleet, frame sizes, clocks and outages it has.

    preset: None for those of a `.city` file. source: of `corridor city traffic`, whose options are `options`. begin_s:
    which moment of the simulation is the beginning.
    """

    name: str
    preset: str | None
    source: str
    cameras: int
    begin_s: float
    options: tuple[str, ...]
    seconds: float = SECONDS


CITIES = {
    each.name: each
    for each in (
        City("smooth", "smooth", "bologna", 4, 300, ("--scale", "0.5", "--spacing", "80", "200", "--corridor")),
        City("rush-hour", "rush-hour", "bologna", 6, 1500, ("--spacing", "80", "400", "--overlap")),
        City("look-alikes", "look-alikes", "bologna", 6, 1500, ("--spacing", "80", "400", "--overlap")),
        City("clock-skew", "clock-skew", "grid:3x3", 4, 400, ("--spacing", "80", "400")),
        City("blackout", "blackout", "bologna", 5, 1500, ("--spacing", "90", "500")),
        City("night-rain", "night-rain", "bologna", 6, 1500, ("--spacing", "80", "400", "--overlap")),
        City("far-town", None, "grid:4x4", 5, 600, ("--spacing", "200", "700")),
        City("far-bologna", None, "bologna", 6, 1500, ("--spacing", "200", "700")),
    )
}
GRAND = City("grand", "grand", "bologna", 20, 900, ("--spacing", "90", "500"), seconds=3600.0)
"""An hour of it takes hours to make: only where it is asked for."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One city drawn by a seed. learning: the traffic of the same cameras after that, with another fleet.

    seconds: the city's own, unless given.
    """

    city: City
    seed: int
    learning: bool = False
    seconds: float | None = None

    @property
    def length_s(self) -> float:
        """How long it lasts."""
        return self.city.seconds if self.seconds is None else self.seconds

    @property
    def begin_s(self) -> float:
        """Begin in the simulation: what is learned from comes after what is reported."""
        return self.city.begin_s + (self.length_s if self.learning else 0)

    @property
    def path(self) -> Path:
        """The log, named after all that it depends on."""
        encoder = hashlib.sha256(SHIPPED_FILE.read_bytes()).hexdigest()
        parts = (_LAYOUT, asdict(self.city), self.seed, self.learning, self.length_s, encoder, sumo_version(),
                 DetectSettings(), EmbedSettings(), mask_source(DetectSettings(), SHIPPED))  # fmt: skip
        digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:10]
        name = f"{self.city.name}-{self.seed}{'-learning' if self.learning else ''}-{digest}"
        return FOLDER / name / f"{self.city.name}.db"

    @property
    def fleet_seed(self) -> int:
        """Seed of the vehicles: no city has those of another."""
        places = [*CITIES, GRAND.name]
        return 100_000 + self.seed * 100 + 2 * places.index(self.city.name) + self.learning


def made(draw: Draw) -> Path:
    """The log of a city, from the cache where it was made before; pytest's skip where its traffic cannot be had."""
    try:
        path = draw.path
    except ConfigError as error:  # without SUMO
        pytest.skip(f"{draw.city.name}: {error}")
    if path.exists():
        return path
    if find_spec("panda3d") is None:
        pytest.skip(f"{draw.city.name}: rendering needs the extra 'city'")
    if draw.city.source == "bologna" and not BOLOGNA.exists():
        pytest.skip(f"{draw.city.name}: there is no {BOLOGNA} (set CORRIDOR_DATA; tests/data/SOURCES.md)")
    work = path.parent.with_name(f"part-{path.parent.name}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    trace = _drawn(draw, work)
    begin = [draw.city.preset, "--traffic", trace] if draw.city.preset else [trace]
    seeds = ["--fleet-seed", draw.fleet_seed, "--seed", draw.fleet_seed]
    _corridor("city", "observations", *begin, *seeds, "--encoder", SHIPPED, "--workers", 1, "-o", work / path.name)
    shutil.rmtree(path.parent, ignore_errors=True)
    work.rename(path.parent)
    return path


def _drawn(draw: Draw, work: Path) -> Path:
    """The traffic: of the reported draw's cameras where it is to be learned from."""
    trace = work / f"{draw.city.name}.city"
    source = str(BOLOGNA) if draw.city.source == "bologna" else draw.city.source
    cameras: Sequence[object] = ("--cameras", draw.city.cameras, *draw.city.options)
    if draw.learning:
        reported = made(Draw(draw.city, draw.seed, seconds=draw.seconds)).with_suffix(".city")
        scale = draw.city.options[:2] if "--scale" in draw.city.options else ()
        cameras = ("--cameras-of", reported, *scale)
    span = ("--begin", draw.begin_s, "--duration", draw.length_s)
    _corridor("city", "traffic", source, "-o", trace, "--seed", draw.seed, *span, *cameras)
    return trace


def _corridor(*arguments: object) -> None:
    """One command in a process of its own, on one core."""
    command = [sys.executable, "-m", "deploy.cli.main", *(str(each) for each in arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--city", nargs="*", choices=[*CITIES, GRAND.name], default=list(CITIES))
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--learning", action="store_true", help="also the logs that are learned from")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        for name in arguments.city:
            city = GRAND if name == GRAND.name else CITIES[name]
            for learning in (False, True) if arguments.learning else (False,):
                try:
                    print(made(Draw(city, seed, learning, arguments.seconds)), flush=True)
                except pytest.skip.Exception as skipped:
                    print(f"left out: {skipped}", flush=True)


if __name__ == "__main__":
    main()
