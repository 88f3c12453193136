"""`python -m tests.bench.foundation_check`: Grounding DINO and SAM beside the CPU detectors and GrabCut.

On drawn frames with truth: recall, precision, mask IoU, the time of a frame and of a crop, and whether SAM's masks pay
as priors of the shipped encoder. On a clip of your own (--clip), which has no truth: how far the detectors agree.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from deploy.site.foundation import TEXT_ENCODER, open_grounding_dino, open_sam
from deploy.weights import catalogue, download
from detect.detector import BatchDetector, OneByOne
from detect.masks import BoxMasker, GrabCutMasker, Masker
from detect.networks import NETWORKS
from detect.registry import open_network
from detect.settings import FoundationSettings
from embed.runtime import RuntimeEncoder
from embed.settings import SHIPPED_FILE
from ingest.errors import WeightsError
from ingest.frame import Frame
from ingest.frame_sampler import FrameSampler
from ingest.video import RecordedVideo
from tests.bench.encoder.unseen_city import CityShots, unseen_shots
from tests.bench.foundation_check.boxes import agreement, compare, look
from tests.bench.foundation_check.drawn import CAMERAS, DrawnFrame, drawn_frames
from tests.bench.foundation_check.priors import mask_rows, prior_rows, rankings, verdict
from tests.bench.foundation_check.random_weights import random_settings
from tests.bench.measure import table

DINO: Literal["grounding-dino-swin-t"] = "grounding-dino-swin-t"
SAM: Literal["sam-vit-b"] = "sam-vit-b"
NOTHING = "The weights are random: every figure of these two networks means nothing, only that they run through."


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="make foundation-check", description=__doc__)
    parser.add_argument("--pull", action="store_true", help="fetch the published weights first, 1.5 GB (PULL=1)")
    parser.add_argument("--random", action="store_true", help="small networks with random weights (RANDOM=1)")
    parser.add_argument("--clip", type=Path, help="a recording of your own (CLIP=FILE)")
    parser.add_argument("--clip-frames", type=int, default=20, help="frames of the clip, one a second (20)")
    parser.add_argument("--frames", type=int, default=4, help="drawn frames of each camera (4)")
    parser.add_argument("--cameras", type=int, default=len(CAMERAS), help=f"drawn cameras ({len(CAMERAS)})")
    parser.add_argument(
        "--vehicles", type=int, default=24, help="vehicles that priors are judged on, 8 crops each (24)"
    )
    asked = parser.parse_args(arguments)
    if asked.pull:
        pull()
    with tempfile.TemporaryDirectory(prefix="corridor-foundation-") as folder:
        settings = random_settings(Path(folder)) if asked.random else FoundationSettings()
        if asked.random:
            print(NOTHING)
        print(f"Sizes: frames of the city's cameras; Grounding DINO Swin-T at {settings.short_side_px} px; SAM ViT-B.")
        detectors, maskers = open_detectors(settings), open_maskers(settings)
        on_drawn_frames(list(drawn_frames(asked.frames, asked.cameras)), detectors, maskers)
        on_crops(some_vehicles(unseen_shots(), asked.vehicles), maskers)
        if asked.clip is not None:
            on_clip(asked.clip, asked.clip_frames, detectors)
        if asked.random:
            print(f"\n{NOTHING}")


def pull() -> None:
    """Fetch what is missing of both networks' weights; raises WeightsError."""
    folder = catalogue.weights_folder()
    for name in (DINO, TEXT_ENCODER, SAM):
        fetched = download.pull(name, catalogue.load_catalogue().network(name), folder, lambda file, done, total: None)
        print(f"{name}: {'fetched' if fetched else 'already there'}, in {folder}", flush=True)


def open_detectors(settings: FoundationSettings) -> dict[str, BatchDetector]:
    """Grounding DINO, and every network for the CPU whose weights are there; the others are named."""
    found: dict[str, BatchDetector] = {DINO: open_grounding_dino(DINO, settings)}
    for name in NETWORKS:
        try:
            found[name] = OneByOne(open_network(name, catalogue.find(name)))
        except WeightsError as error:
            print(f"left out: {error}")
    return found


def open_maskers(settings: FoundationSettings) -> dict[str, Masker]:
    """SAM, and what masks without a network."""
    return {SAM: open_sam(SAM, settings), "grabcut": GrabCutMasker(), "box": BoxMasker()}


def some_vehicles(city: CityShots, count: int) -> CityShots:
    """The crops of the first `count` vehicles, by name."""
    chosen = set(sorted({shot.identity for shot in city.shots})[:count])
    rows = [row for row, shot in enumerate(city.shots) if shot.identity in chosen]
    shots = [city.shots[row] for row in rows]
    return CityShots(shots, city.view_deg[rows], city.light[rows], city.side_px[rows])


def on_drawn_frames(
    drawn: Sequence[DrawnFrame], detectors: Mapping[str, BatchDetector], maskers: Mapping[str, Masker]
) -> None:
    """Boxes and masks against the truth."""
    rows = []
    for name, detector in detectors.items():
        boxes, frame_ms = look(detector, [each.frame for each in drawn])
        it = compare(drawn, boxes, frame_ms)
        rows.append([name, f"{it.recall:.3f}", f"{it.precision:.3f}", str(it.boxes), f"{it.frame_ms:.1f}"])
    vehicles = sum(int(each.counts.sum()) for each in drawn)
    print(f"\n{len(drawn)} drawn frames, {vehicles} vehicles, IoU .5\n")
    table(["detector", "recall", "precision", "boxes", "ms a frame"], rows)
    crops = [crop for each in drawn for crop in each.crops()]
    print(f"\nMasks of {len(crops)} vehicles in their true boxes\n")
    table(["masker", "IoU", "below .5", "ms a crop"], mask_rows(maskers, crops))


def on_crops(city: CityShots, maskers: Mapping[str, Masker]) -> None:
    """Rank 1 with the masks as priors."""
    found = rankings(maskers, city, RuntimeEncoder(SHIPPED_FILE))
    print(f"\nPriors of {SHIPPED_FILE.stem}: {len(city.shots)} crops of the city, other cameras searched\n")
    table(["prior", "queries", "rank 1", "mAP"], prior_rows(found))
    print(f"\n{verdict(found, SAM, 'grabcut')}\n{verdict(found, SAM, 'box')}")


def on_clip(clip: Path, count: int, detectors: Mapping[str, BatchDetector]) -> None:
    """Agreement of the detectors on one frame a second of a recording."""
    sampler = FrameSampler(1.0)
    frames: list[Frame] = list(
        islice((it for it in RecordedVideo(clip, clip.stem).frames() if sampler.accept(it.captured_ns)), count)
    )
    seen = {name: look(detector, frames) for name, detector in detectors.items()}
    rows = agreement({name: boxes for name, (boxes, _) in seen.items()})
    print(
        f"\n{clip.name}, {len(frames)} frames, no truth: the share of a row's boxes that a column's detector has too\n"
    )
    header = ["detector", "boxes a frame", *detectors, "ms a frame"]
    table(header, [[*row, f"{seen[row[0]][1]:.1f}"] for row in rows])


if __name__ == "__main__":
    main()
