"""`python -m tests.bench encoder_calibration`: the shipped calibrations, from sources that no training has had.

Two sources: cameras and vehicles of the city that are kept for measuring, and tracks of the shared clips whose late
moment is seen through every frozen look. The numbers are those of `SHIPPED_CALIBRATIONS` in embed/calibration.py;
an encoder of one's own has `corridor encoder calibrate`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detect.masks import GrabCutMasker, never_empty
from embed.colour import ColourEncoder
from embed.crops import Crop
from embed.exported import ExportedEncoder
from embed.settings import SHIPPED_FILE
from tests.bench.city.crops_set import Shot
from tests.bench.encoder.frozen_looks import LOOKS, seen_through
from tests.bench.encoder.track_pairs import track_pairs
from tests.bench.encoder.unseen import Encode, exported, kept
from tests.bench.encoder.unseen_city import unseen_shots
from tests.bench.measure import table
from training.datasets.base import ImageSet
from training.evaluation.calibrate import CosinePairs, calibrated, cosine_pairs


def colours(shots: Sequence[Shot]) -> np.ndarray:
    """The encoder that compares colours alone, inside GrabCut's masks."""
    masker = GrabCutMasker()
    return ColourEncoder()(
        [Crop(shot.image, shot.box, 1.0, 0, never_empty(masker(shot.image, shot.box))) for shot in shots]
    )


def images_of(shots: Sequence[Shot]) -> ImageSet:
    """Whose crops they are, and by which camera."""
    identities, cameras = np.array([it.identity for it in shots]), np.array([it.camera for it in shots])
    return ImageSet(Path(), identities, identities, cameras)


def sources(encode: Encode) -> list[CosinePairs]:
    """Cosines of the city's pairs, and of the tracks' under all looks together."""
    city = unseen_shots().shots
    early, late = track_pairs()
    through = []
    for name, look in LOOKS.items():
        both = [_of_camera(shot, "early") for shot in early] + [_of_camera(it, name) for it in seen_through(look, late)]
        vectors = np.concatenate([encode(early), encode(seen_through(look, late))])
        through.append(cosine_pairs(name, vectors, images_of(both)))
    same, others = (np.concatenate([getattr(it, side) for it in through]) for side in ("same", "others"))
    return [
        cosine_pairs("unseen city", encode(city), images_of(city)),
        CosinePairs("tracks under frozen looks", same, others),
    ]


def _of_camera(shot: Shot, camera: str) -> Shot:
    return Shot(shot.image, shot.identity, camera, shot.kind, shot.box, shot.mask)


def main(files: Sequence[Path] = (SHIPPED_FILE,)) -> None:
    """The four numbers of every encoder, and their error on the source that is left out."""
    colour = ColourEncoder().id
    encoders = {colour: kept(colour, colours), **{ExportedEncoder.open(path).id: exported(path) for path in files}}
    rows = []
    for name, encode in encoders.items():
        found = sources(encode)
        for it in [*([each] for each in found), found]:
            read = calibrated(it)
            of = " and ".join(each.source for each in it)
            rows.append(
                [
                    name,
                    of,
                    f"{read.same_mean:.4f} ± {read.same_deviation:.4f}",
                    f"{read.others_mean:.4f} ± {read.others_deviation:.4f}",
                    f"{read.same}, {read.others}",
                    f"{read.reliability:.3f}",
                ]
            )
    table(["encoder", "source", "one vehicle", "two", "pairs", "calibration error"], rows)


if __name__ == "__main__":
    main()
