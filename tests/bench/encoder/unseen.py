"""`python -m tests.bench encoder_unseen`: encoders on what they were not trained on.

(a) sources left out: the two-camera set, and tracks of the shared clips at two moments; (b) cameras and vehicles of the
city that no training has seen, searched among other cameras only; (c) five folds of the two-camera set, where their
checkpoints are (`python -m tests.bench two_camera`); (d) pairs under frozen looks. Figures of sets that an encoder was
trained on are marked. Other encoders beside the shipped one:

python -m tests.bench.encoder.unseen other.onnx --known runs/city-900
"""

import argparse
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detect.masks import EllipseMasker, never_empty
from embed.crops import Crop
from embed.runtime import RuntimeEncoder
from embed.settings import SHIPPED, SHIPPED_FILE
from tests.bench.city.crops_set import Shot, features, real_pairs, reid_0277
from tests.bench.encoder.frozen_looks import LOOKS, seen_through
from tests.bench.encoder.track_pairs import track_pairs
from tests.bench.encoder.unseen_city import SETTINGS, TRAINED, CityShots, neither_trained, read_shots, unseen_shots
from tests.bench.measure import table
from tests.bench.tracking import CACHE
from training.evaluation.other_cameras import Taken, rank_elsewhere, selected, wrong_from
from training.evaluation.paired import PairedTest, right_at_one
from training.evaluation.retrieval import Features, Ranking
from training.scoring.links import Proportion
from training.teacher.views import views

Encode = Callable[[Sequence[Shot]], Features]

VIEWS_APART = {"0-30": (0.0, 30.0), "30-90": (30.0, 90.0), "90-150": (90.0, 150.0), "150-180": (150.0, 181.0)}
"""Degrees between the views of a query and of what is to be found."""
SIX_VIEWS = "0277, six views"
"""The teacher's mean; of real pairs alone, since it takes six times as long."""
KNOWN_VEHICLES = 24
"""Vehicles of each row of known cameras."""
SIDES_PX = {"under 64 px": (0, 64), "64 to 128 px": (64, 128), "128 px and more": (128, 10_000)}


def encoders(files: Sequence[Path]) -> dict[str, Encode]:
    """The peer of one view and of six, the shipped encoder, and others by the names of their files."""
    network = reid_0277()
    ways: dict[str, Encode] = {
        "0277, one view": lambda shots: features(network, [shot.image for shot in shots]),
        SIX_VIEWS: lambda shots: _unit(np.stack([features(network, views(shot.image)).mean(axis=0) for shot in shots])),
    }
    return {
        **{name: kept(name, encode) for name, encode in ways.items()},
        SHIPPED: exported(SHIPPED_FILE),
        **{path.stem: exported(path) for path in files},
    }


def kept(name: str, encode: Encode) -> Encode:
    """The same encoder, whose vectors of the same crops are taken from the cache."""

    def encode_once(shots: Sequence[Shot]) -> Features:
        digest = hashlib.sha256(name.encode())
        for shot in shots:
            digest.update(shot.image.tobytes() + shot.box.tobytes())
        path = CACHE / "vectors" / f"{digest.hexdigest()[:16]}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, encode(shots))
        return np.asarray(np.load(path), np.float32)

    return encode_once


def exported(path: Path) -> Encode:
    """An exported encoder as the running system asks it: box, and the ellipse in it as the mask."""
    encoder, masker = RuntimeEncoder(path, threads=1), EllipseMasker()

    def encode(shots: Sequence[Shot]) -> Features:
        masks = [never_empty(masker(shot.image, shot.box)) for shot in shots]
        return encoder([Crop(shot.image, shot.box, 1.0, 0, mask) for shot, mask in zip(shots, masks, strict=True)])

    return kept(f"{encoder.id}+ellipse", encode)


def _unit(rows: NDArray[np.floating]) -> Features:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def pair_hits(query: Features, gallery: Features) -> NDArray[np.bool_]:
    """(N,) queries whose most alike row of the gallery is the same row."""
    return np.asarray((query @ gallery.T).argmax(axis=1) == np.arange(len(query)), np.bool_)


def shown(hits: NDArray[np.bool_]) -> str:
    """Share with its 95 % interval, and of how many."""
    it = Proportion.of(int(hits.sum()), len(hits))
    return f"{it.value:.3f} ({it.low:.3f}-{it.high:.3f}; {it.trials})"


Hits = dict[str, NDArray[np.bool_]]
"""Right answers by row of a table."""


def left_out_sources(encode: Encode) -> Hits:
    """(a): real pairs by source."""
    pairs = real_pairs()
    sides = [[shot for shot in pairs if shot.camera == camera] for camera in ("cam1", "cam2")]
    early, late = track_pairs()
    two_camera = pair_hits(*(encode(side) for side in sides))
    tracks = pair_hits(encode(early), encode(late))
    sources = np.array([shot.kind for shot in early])
    of_source = {f"tracks, {source}": tracks[sources == source] for source in dict.fromkeys(sources.tolist())}
    return {"two-camera": two_camera, **of_source, "tracks, all": tracks}


def frozen_pairs(encode: Encode) -> Hits:
    """(d): the late moment of every track through one frozen look after the other."""
    early, late = track_pairs()
    query = encode(early)
    hits = {name: pair_hits(query, encode(seen_through(look, late))) for name, look in LOOKS.items()}
    return {**hits, "all looks": np.concatenate(list(hits.values()))}


def of_city(encode: Encode, city: CityShots) -> tuple[Taken, Ranking]:
    """Crops of a city set with their vectors, and every one of them searched among all of the other cameras."""
    identities = np.array([shot.identity for shot in city.shots])
    cameras = np.array([shot.camera for shot in city.shots])
    taken = Taken(encode(city.shots), identities, cameras, city.view_deg)
    return taken, rank_elsewhere(taken, taken)


def city_rows(city: CityShots, taken: Taken, ranking: Ranking) -> dict[str, Ranking]:
    """The ranking as a whole, by light, by size, and by how far the views are apart."""
    subsets = {f"in {light}": city.light == light for light in dict.fromkeys(city.light.tolist())}
    subsets |= {name: (city.side_px >= low) & (city.side_px < high) for name, (low, high) in SIDES_PX.items()}
    apart = {f"views {name} apart": rank_elsewhere(taken, taken, limits) for name, limits in VIEWS_APART.items()}
    everyone = np.ones(len(city.side_px), np.bool_)
    return {
        **selected(ranking, {"all": everyone, **subsets}),
        **{name: each for name, found in apart.items() for each in selected(found, {name: everyone}).values()},
    }


def print_hits(found: Mapping[str, Hits]) -> None:
    """Rank 1 by row and encoder."""
    names = list(found)
    rows = [[row, *(shown(found[name][row]) for name in names)] for row in found[names[0]]]
    table(["rank 1 (95 %; n)", *names], rows)


def print_city(found: Mapping[str, dict[str, Ranking]]) -> None:
    """Rank 1 and mAP by row and encoder."""
    names = list(found)
    rows = []
    for row in found[names[0]]:
        each = [found[name][row] for name in names]
        cells = [f"{right_at_one(it).mean():.3f} / {it.precision.mean():.3f}" for it in each]
        rows.append([row, str(len(each[0].first)), *cells])
    table(["rank 1 / mAP", "queries", *names], rows)


def print_paired(found: Mapping[str, NDArray[np.bool_]], than: str) -> None:
    """What each encoder gains and loses against one of them, over the same queries."""
    for name, hits in found.items():
        if name != than:
            it = PairedTest.of(hits, found[than])
            print(f"{name} against {than}: {it.only_first} won, {it.only_second} lost, p = {it.p:.2g}")


def measure(files: Sequence[Path], known: Path | None) -> None:
    """All tables."""
    asked = encoders(files)
    print("\n(a) sources left out (the two-camera set was trained on by grl-64 and by what begins with it)\n")
    real = {name: left_out_sources(encode) for name, encode in asked.items()}
    print_hits(real)
    print_paired({name: hits["tracks, all"] for name, hits in real.items()}, SHIPPED)
    asked.pop(SIX_VIEWS)
    print("\n(b) unseen cameras of the city, unseen vehicles, other cameras searched\n")
    print_unseen(asked)
    if known is not None:
        print(f"\nBeside it: the cameras of {known.name}, vehicles that no training had, and those that all had\n")
        print_known(asked, known)
    print("\n(d) tracks under frozen looks\n")
    looks = {name: frozen_pairs(encode) for name, encode in asked.items()}
    print_hits(looks)
    print_paired({name: hits["all looks"] for name, hits in looks.items()}, SHIPPED)


def print_unseen(asked: Mapping[str, Encode], than: str = SHIPPED) -> None:
    """Tables of (b), and what each encoder gains and loses against one of them."""
    city = unseen_shots()
    cameras = np.array([shot.camera for shot in city.shots])
    found, first, light, view = {}, {}, {}, {}
    sectors = np.array([f"{round(angle / 30.0) % 12}" for angle in city.view_deg.tolist()])
    for name, encode in asked.items():
        taken, ranking = of_city(encode, city)
        found[name] = city_rows(city, taken, ranking)
        first[name] = right_at_one(ranking)
        light[name] = wrong_from(taken, taken, city.light, city.light)
        view[name] = wrong_from(taken, taken, sectors, sectors)
    print_city(found)
    print_paired(first, than)
    told = len(set(cameras.tolist()))
    print(
        f"{len(city.shots)} crops, {told} cameras; {SETTINGS.cameras - told} left out that stand where a training's do."
    )
    for name in asked:
        print(f"{name}: of the wrong answers {light[name]:.2f} are of the query's light, {view[name]:.2f} of its view")


def print_known(asked: Mapping[str, Encode], known: Path) -> None:
    unseen, seen = neither_trained(TRAINED["second.toml"])
    found: dict[str, dict[str, Ranking]] = {name: {} for name in asked}
    for row, identities in (("vehicles not trained on", unseen), ("trained vehicles", seen)):
        city = read_shots(known, frozenset(sorted(identities)[:KNOWN_VEHICLES]))
        for name, encode in asked.items():
            found[name][row] = of_city(encode, city)[1]
    print_city(found)


def main() -> None:
    measure([], None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="exported encoders (.onnx) beside the shipped one")
    parser.add_argument("--known", type=Path, help="a city set that encoders were trained on, for the rows beside")
    arguments = parser.parse_args()
    measure(arguments.files, arguments.known)
