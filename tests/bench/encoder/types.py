"""`python -m tests.bench encoder_types`: types of vehicles on sources left out, by view, beside two peers.

Ours is the head of `python -m training.vehicle_types`, fitted without the source that it is asked about. The peers are
asked about some of the same crops: `vehicle-attributes-recognition-barrier-0039` (no motorcycles), and `yolox-nano`,
whose surest vehicle in the crop counts (no vans; a crop without a vehicle is wrong).
"""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detect.masks import BoxMasker, GrabCutMasker
from detect.registry import open_network
from embed.attributes import BarrierAttributeClassifier
from embed.crops import Crop
from embed.runtime import RuntimeEncoder
from embed.settings import SHIPPED_FILE
from embed.vehicle_types import LEAST_PROBABILITY, VEHICLE_TYPES, TypeHead, head_file, read_head
from ingest.frame import ClockQuality, Frame
from tests.bench.encoder.unseen_city import FOLDER, unseen_shots
from tests.bench.measure import table
from tests.bench.tracking import CACHE, DATA
from tests.bench.tracks.sources import weights_of
from training.vehicle_types.examples import TypedCrop, city_crops
from training.vehicle_types.fit import TypedVectors, confusion, fit, without
from training.vehicle_types.sources import crop_sources, typed_vectors
from training.vehicle_types.tables import accuracy, balanced_accuracy, confusion_lines

CROPS = 4
"""Crops of a tracklet, as `[embed] crops` has it."""
SPEED_CROPS = 40
PEER_CROPS = 40
"""Crops of a type and source that the peers are asked about."""
YOLOX_SCORE = 0.1
NOTHING = len(VEHICLE_TYPES)
"""Column of crops in which a peer finds no vehicle."""

Ints = NDArray[np.int64]
Classify = Callable[[Crop], int]


def peers() -> dict[str, Classify]:
    """By name, from a crop to the place of its type in VEHICLE_TYPES, or NOTHING."""
    attributes = BarrierAttributeClassifier(weights_of("vehicle-attributes-0039"))
    yolox = open_network("yolox-nano", weights_of("yolox-nano"), min_score=YOLOX_SCORE, threads=1)

    def by_yolox(crop: Crop) -> int:
        found = yolox(Frame("crop", 0, 0, ClockQuality.FILE, crop.image))
        return VEHICLE_TYPES.index(found.labels[int(found.scores.argmax())]) if len(found) else NOTHING

    return {
        "attributes": lambda crop: VEHICLE_TYPES.index(attributes([crop])[0].vehicle_type),
        "yolox-nano": by_yolox,
    }


def counted(true: Ints, found: Ints) -> Ints:
    """(T, T + 1) crops by true type and by what was found; the last column is nothing."""
    counts = np.zeros((len(VEHICLE_TYPES), len(VEHICLE_TYPES) + 1), np.int64)
    np.add.at(counts, (true, found), 1)
    return counts


def of_tracklets(known: TypedVectors) -> TypedVectors:
    """Means of up to CROPS vectors of a vehicle, of norm 1, as tracklets have them."""
    vectors, rows = [], []
    for vehicle in dict.fromkeys(known.vehicles.tolist()):
        mine = np.flatnonzero(known.vehicles == vehicle)
        mine = mine[np.linspace(0, len(mine) - 1, min(CROPS, len(mine))).round().astype(int)]
        mean = known.vectors[mine].mean(axis=0)
        vectors.append(mean / np.linalg.norm(mean))
        rows.append(int(mine[0]))
    return TypedVectors(np.stack(vectors), known.types[rows], known.vehicles[rows], known.views[rows])


def shares(counts: Ints) -> list[str]:
    """Crops, accuracy, and the mean of the types' shares that are right."""
    return [str(int(counts.sum())), f"{accuracy(counts):.3f}", f"{balanced_accuracy(counts):.3f}"]


def sure_share(head: TypeHead, known: TypedVectors) -> list[str]:
    """Share of crops whose type is stated, and how many of those are right."""
    rows = head.probabilities(known.vectors)
    stated = rows.max(axis=1) >= LEAST_PROBABILITY
    right = rows.argmax(axis=1) == known.types
    return [f"{stated.mean():.2f}", f"{right[stated].mean() if stated.any() else 0:.3f}"]


def print_source(
    name: str, crops: Sequence[TypedCrop], known: TypedVectors, head: TypeHead, asked: Mapping[str, Classify]
) -> list[list[str]]:
    """Confusion by view, and the rows of the summary."""
    for view in dict.fromkeys(known.views.tolist()):
        mine = known.views == view
        part = TypedVectors(known.vectors[mine], known.types[mine], known.vehicles[mine], known.views[mine])
        print(f"\n{name}, {view}: the head fitted without it\n")
        print("\n".join(confusion_lines(confusion(head, part))))
    tracklets = of_tracklets(known)
    rows = [
        [name, "head, a crop", *shares(confusion(head, known)), *sure_share(head, known)],
        [name, f"head, up to {CROPS} crops", *shares(confusion(head, tracklets)), *sure_share(head, tracklets)],
    ]
    rng = np.random.default_rng(0)
    some = np.concatenate([rng.permutation(np.flatnonzero(known.types == it))[:PEER_CROPS] for it in range(NOTHING)])
    for peer, classify in asked.items():
        found = np.array([classify(crops[row].crop) for row in some.tolist()], np.int64)
        rows.append([name, peer, *shares(counted(known.types[some], found)), "", ""])
    return rows


def main() -> None:
    """Tables by source and view, a summary, and the time a tracklet."""
    encoder = RuntimeEncoder(SHIPPED_FILE, threads=1)
    crops: dict[str, list[TypedCrop]] = {
        name: list(make()) for name, make in crop_sources(DATA, CACHE / "city-types").items()
    }
    known = {name: typed_vectors(each, encoder, BoxMasker()) for name, each in crops.items()}
    asked, rows = peers(), []
    for name, each in crops.items():
        head = fit(without(name, known), encoder.id)
        rows += print_source(name, each, typed_vectors(each, encoder, GrabCutMasker()), head, asked)
    unseen_shots()
    unseen = list(city_crops(FOLDER))
    vectors = typed_vectors(unseen, encoder, GrabCutMasker())
    shipped = read_head(head_file(SHIPPED_FILE), encoder.id)
    rows += print_source("unseen city", unseen, vectors, shipped, asked)
    print()
    header = ["source", "by", "crops", "accuracy", "mean of types", f"stated at {LEAST_PROBABILITY}", "right of those"]
    table(header, rows)
    print_cost(encoder, shipped, [each.crop for each in crops["cctv"][:SPEED_CROPS]])


def print_cost(encoder: RuntimeEncoder, head: TypeHead, crops: Sequence[Crop]) -> None:
    """Processor's time of a tracklet's crops, and of its type."""
    masker = GrabCutMasker()
    works: Mapping[str, Callable[[], object]] = {
        "masks": lambda: [masker(crop.image, crop.box_xyxy) for crop in crops],
        "vectors": lambda: encoder(crops),
        "types": lambda: [head(row) for row in np.ones((len(crops) // CROPS, head.weights.shape[1]), np.float32)],
    }
    lines = []
    for name, work in works.items():
        work()
        began_s = time.process_time()
        work()
        lines.append([name, f"{1000 * (time.process_time() - began_s) / (len(crops) / CROPS):.3f}"])
    print()
    table([f"of a tracklet with {CROPS} crops", "CPU, ms"], lines)


if __name__ == "__main__":
    main()
