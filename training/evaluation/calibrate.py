"""Calibration of an exported encoder on data sets, each a source: fitted on all of them, judged on those left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from embed.calibration import CosineCalibration
from ingest.errors import ConfigError
from training.datasets.base import UNKNOWN_IDENTITY, Fingerprint, ImageSet, ReidData, concatenated, fingerprint
from training.datasets.names import shown
from training.scoring.reliability import reliability

LEAST_PAIRS = 20
"""Pairs of one vehicle that a source must have: fewer say nothing of a deviation."""
MOST_IMAGES = 4000
"""Images of a source beyond which only those of some vehicles are measured: their pairs are millions."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CosinePairs:
    """Cosines of pairs before two cameras: of one vehicle (n,), and of two (m,); `source` names their data set."""

    source: str
    same: Floats
    others: Floats


def measured_images(data: ReidData) -> tuple[ImageSet, int]:
    """Images that a data set is measured on, each once, and how many there are: of too many those of some vehicles.

    Raises ConfigError where they are below several folders, and where nobody knows whose they are.
    """
    if data.query.root != data.gallery.root:
        raise ConfigError(f"{data.name}: its queries and its gallery are below two folders (give one)")
    both = concatenated([data.query, data.gallery])
    _, first = np.unique(_files(both), return_index=True)
    images = both.select(np.sort(first))
    images = images.select(images.identities != UNKNOWN_IDENTITY)
    if not len(images):
        raise ConfigError(
            f"{data.name} {shown(data.query.root)} has no query and no gallery whose vehicles are known, so nothing "
            "can be measured on it (give a set with identities and cameras, such as veri:FOLDER)"
        )
    order = np.random.default_rng(0).permutation(np.unique(images.identities))
    counts = np.cumsum([int((images.identities == identity).sum()) for identity in order.tolist()])
    return images.select(np.isin(images.identities, order[counts <= MOST_IMAGES])), len(images)


def check_each_once(measured: Sequence[tuple[str, ImageSet]]) -> None:
    """Raise ConfigError where two sources, by their specification, are the same images, wherever they lie.

    The numbers of one would be judged by itself: a small error on what is left out that says nothing.
    """
    known: dict[Fingerprint, str] = {}
    for spec, images in measured:
        files = fingerprint(images)
        if files in known:
            raise ConfigError(f"'{shown(spec)}' is the same set as '{shown(known[files])}' (give every set once)")
        known[files] = spec


def _files(images: ImageSet) -> NDArray[np.str_]:
    """Name an image by identity, camera and file, so that VeRi's queries, which are in the gallery too, come once."""
    files = (name.rpartition("/")[2] for name in images.names.tolist())
    return np.array(
        ["|".join(each) for each in zip(images.identities.tolist(), images.cameras.tolist(), files, strict=True)]
    )


def centred(vectors: NDArray[np.floating], cameras: NDArray[np.str_]) -> Floats:
    """Vectors (N, dim) without their camera's mean, of norm 1."""
    own = np.array(vectors, np.float64)
    for camera in np.unique(cameras):
        own[cameras == camera] -= own[cameras == camera].mean(axis=0)
    return np.asarray(own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-12), np.float64)


def cosine_pairs(source: str, vectors: NDArray[np.floating], images: ImageSet) -> CosinePairs:
    """Cosines of all pairs before two cameras; raises ConfigError for a source with too few of one vehicle."""
    unit = centred(vectors, images.cameras)
    one, other = np.triu_indices(len(unit), 1)
    apart = images.cameras[one] != images.cameras[other]
    one, other = one[apart], other[apart]
    cosines = (unit @ unit.T)[one, other]
    same = images.identities[one] == images.identities[other]
    if same.sum() < LEAST_PAIRS or (~same).sum() < LEAST_PAIRS:
        raise ConfigError(
            f"{source}: {int(same.sum())} pairs of one vehicle before two cameras and {int((~same).sum())} of two are "
            f"too few to calibrate by (at least {LEAST_PAIRS} of each)"
        )
    return CosinePairs(source, cosines[same], cosines[~same])


def calibrated(sources: Sequence[CosinePairs]) -> CosineCalibration:
    """Four numbers of all sources, each weighing the same, and how reliable those of the others are on each.

    A single source is divided in two halves, which stand for two sources in the figure of reliability.
    """
    parts = sources if len(sources) > 1 else halves(sources[0])
    errors = [_error_on(part, _fitted([it for it in parts if it is not part])) for part in parts]
    return msgspec.structs.replace(
        _fitted(sources),
        reliability=round(float(np.mean(errors)), 4),
        same=sum(len(it.same) for it in sources),
        others=sum(len(it.others) for it in sources),
        sources=tuple(it.source for it in sources),
    )


def halves(pairs: CosinePairs) -> list[CosinePairs]:
    """Every other pair of a source, and the rest."""
    return [CosinePairs(pairs.source, pairs.same[start::2], pairs.others[start::2]) for start in (0, 1)]


def _fitted(sources: Sequence[CosinePairs]) -> CosineCalibration:
    same, others = (_spread([getattr(it, side) for it in sources]) for side in ("same", "others"))
    return CosineCalibration(
        same_mean=same[0], same_deviation=same[1], others_mean=others[0], others_deviation=others[1]
    )


def _spread(values: Sequence[Floats]) -> tuple[float, float]:
    """Mean, and deviation about it, over sources of equal weight."""
    mean = float(np.mean([each.mean() for each in values]))
    deviation = float(np.sqrt(np.mean([np.mean((each - mean) ** 2) for each in values])))
    return round(mean, 4), round(max(deviation, 1e-3), 4)


def _error_on(part: CosinePairs, read: CosineCalibration) -> float:
    """Expected calibration error on a source at even odds: as many pairs of two vehicles as of one, drawn."""
    rng, count = np.random.default_rng(0), min(len(part.same), len(part.others))
    drawn = [rng.choice(each, count, replace=False) for each in (part.same, part.others)]
    ratios = np.array([read.ratio(cosine) for cosine in np.concatenate(drawn).tolist()])
    found = reliability(1.0 / (1.0 + np.exp(-ratios)), np.repeat([True, False], count))
    assert found is not None
    return found.ece
