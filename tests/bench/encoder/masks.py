"""`python -m tests.bench encoder_masks`: the shipped encoder without a prior, with the box as prior, and with masks.

Sources, cameras and looks are those of `encoder_unseen`; in the city true masks say what a perfect masker would be
worth. Decision 0040 has the rule by which the default is chosen from these figures.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from detect.masks import BoxMasker, EllipseMasker, GrabCutMasker, Masker, never_empty
from embed.crops import Crop
from embed.runtime import RuntimeEncoder
from embed.settings import SHIPPED_FILE
from tests.bench.city.crops_set import Shot, real_pairs
from tests.bench.encoder.unseen import (
    Encode,
    frozen_pairs,
    kept,
    left_out_sources,
    print_hits,
    print_paired,
    print_unseen,
)
from tests.bench.measure import table
from training.evaluation.retrieval import Features

NO_PRIOR, BOX, ELLIPSE, GRABCUT, TRUE = "no prior", "box", "ellipse", "GrabCut", "true masks"
WithPrior = Callable[[Shot], Crop]


def without_prior(shot: Shot) -> Crop:
    """All of the image as box and mask: the same numbers that no prior has."""
    height, width = shot.image.shape[:2]
    return Crop(shot.image, np.array([0, 0, width, height], np.float32), 1.0, 0, np.ones((height, width), np.bool_))


def with_true_mask(shot: Shot) -> Crop:
    return Crop(shot.image, shot.box, 1.0, 0, never_empty(shot.mask))


def masked_by(masker: Masker) -> WithPrior:
    return lambda shot: Crop(shot.image, shot.box, 1.0, 0, never_empty(masker(shot.image, shot.box)))


WAYS: dict[str, WithPrior] = {
    NO_PRIOR: without_prior,
    BOX: masked_by(BoxMasker()),
    ELLIPSE: masked_by(EllipseMasker()),
    GRABCUT: masked_by(GrabCutMasker()),
}


def encoding(encoder: RuntimeEncoder, name: str, crop_of: WithPrior) -> Encode:
    """The encoder on crops with these priors."""

    def encode(shots: Sequence[Shot]) -> Features:
        return encoder([crop_of(shot) for shot in shots])

    return kept(f"{encoder.id} {name}", encode)


def print_costs(encoder: RuntimeEncoder, shots: Sequence[Shot]) -> None:
    """Processor time a crop of making the prior, and of the encoder."""
    crops = [without_prior(shot) for shot in shots]
    rows = []
    for name, crop_of in WAYS.items():
        start_s = time.process_time()
        for shot in shots:
            crop_of(shot)
        rows.append([name, f"{(time.process_time() - start_s) / len(shots) * 1e3:.2f}"])
    start_s = time.process_time()
    encoder(crops)
    rows.append(["the encoder", f"{(time.process_time() - start_s) / len(shots) * 1e3:.2f}"])
    table(["", "ms of processor time a crop"], rows)


def main() -> None:
    encoder = RuntimeEncoder(SHIPPED_FILE, threads=1)
    asked = {name: encoding(encoder, name, crop_of) for name, crop_of in WAYS.items()}
    pairs = real_pairs()
    print_costs(encoder, pairs[:200])
    print("\n(a) real pairs (the two-camera set was trained on)\n")
    real = {name: left_out_sources(encode) for name, encode in asked.items()}
    print_hits(real)
    for row in ("two-camera", "tracks, all"):
        print(f"{row}:")
        print_paired({name: hits[row] for name, hits in real.items()}, GRABCUT)
    print("\n(b) unseen cameras of the city, unseen vehicles, other cameras searched\n")
    print_unseen({**asked, TRUE: encoding(encoder, TRUE, with_true_mask)}, GRABCUT)
    print("\n(d) tracks under frozen looks\n")
    looks = {name: frozen_pairs(encode) for name, encode in asked.items()}
    print_hits(looks)
    print_paired({name: hits["all looks"] for name, hits in looks.items()}, GRABCUT)
