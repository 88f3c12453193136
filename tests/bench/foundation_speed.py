"""How fast Grounding DINO (Swin-T) and SAM (ViT-B) run beside their libraries' plain paths, by batch.

The networks have their full size and random weights, which take the same time. On the GPU where there is one, by the
wall clock; else by the processor's time, so that other work on the machine does not count.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from groundingdino.datasets import transforms
from numpy.typing import NDArray
from PIL import Image as Pillow
from segment_anything import SamPredictor, sam_model_registry

from detect.accelerator import autocast_type, choose_device
from detect.foundation.grounding_dino import LONG_TO_SHORT, GroundingDino
from detect.foundation.grounding_dino_network import DEVIATION, MEAN, build
from detect.foundation.sam import SamMasker
from ingest.frame import ClockQuality, Frame
from tests.bench.measure import interleaved, table
from tests.detect.foundation.grounding_dino_files import write_checkpoint, write_text_encoder

PROMPT = "car . truck . bus . motorcycle . ambulance ."
SIZE = (1920, 1080)
SHORT_SIDE_PX = 800
GPU_BATCHES, CPU_BATCHES = (1, 2, 4, 8, 16), (1,)
GPU_ROUNDS, CPU_ROUNDS = 7, 2
BOXES = 4
"""On one picture for SAM."""

ANALYSED_FPS = 8.0
KEY_FRAMES = 0.1
"""Of the analysed frames, those that the expensive detector sees; docs/benchmarks.md has what that keeps."""


def main() -> None:
    device = choose_device("auto")
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if on_gpu else f"CPU, {torch.get_num_threads()} threads"
    rounds = GPU_ROUNDS if on_gpu else CPU_ROUNDS
    of_what = "of the GPU" if on_gpu else "of one core"
    print(f"{name}, PyTorch {torch.__version__}; medians of {rounds} interleaved runs, frames of {SIZE[0]}x{SIZE[1]}")
    with tempfile.TemporaryDirectory() as folder:
        for batch in GPU_BATCHES if on_gpu else CPU_BATCHES:
            with freed(device):
                print(f"\nGrounding DINO Swin-T at {SHORT_SIDE_PX} px, batch {batch}\n")
                show(
                    interleaved(warmed(dino_works(Path(folder), device, batch), on_gpu), rounds),
                    f"frames a second {of_what}",
                )
        with freed(device):
            print(f"\nSAM ViT-B, one picture with {BOXES} boxes\n")
            show(interleaved(warmed(sam_works(Path(folder), device), on_gpu), rounds), f"pictures a second {of_what}")


def dino_works(folder: Path, device: torch.device, batch: int) -> dict[str, Callable[[], float]]:
    """From frames to boxes: the library's pictures and network in eager float32, and ours."""
    text_encoder = folder / "bert"
    checkpoint = folder / "grounding_dino.pth"
    if not checkpoint.exists():
        write_checkpoint(checkpoint, write_text_encoder(text_encoder, full_size=True))
    library: Any = build("swin-t", text_encoder).to(device).eval()
    detector = GroundingDino(
        checkpoint, text_encoder, "swin-t", prompt_of=lambda _: PROMPT, short_side_px=SHORT_SIDE_PX, max_batch=batch
    )
    frames = [Frame(f"camera-{row}", 0, 0, ClockQuality.FILE, street(row)) for row in range(batch)]
    prepare = transforms.Compose(
        [
            transforms.RandomResize([SHORT_SIDE_PX], max_size=round(SHORT_SIDE_PX * LONG_TO_SHORT)),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, DEVIATION),
        ]
    )

    @torch.no_grad()
    def by_library() -> None:
        images = [prepare(Pillow.fromarray(frame.image[:, :, ::-1].copy()), None)[0] for frame in frames]
        found = library(torch.stack(images).to(device), captions=[PROMPT] * batch)
        found["pred_logits"].sigmoid().cpu()

    return {
        "library, eager float32": lambda: rate(batch, by_library, device),
        f"ours, {autocast_type(device, 'auto') or torch.float32}": lambda: rate(
            batch, lambda: detector(frames), device
        ),
    }


def sam_works(folder: Path, device: torch.device) -> dict[str, Callable[[], float]]:
    """The library's predictor asked box by box on one encoded picture, and ours."""
    checkpoint = folder / "sam.pth"
    torch.save(sam_model_registry["vit_b"]().state_dict(), checkpoint)
    predictor = SamPredictor(sam_model_registry["vit_b"](str(checkpoint)).to(device))
    masker = SamMasker(checkpoint, "vit-b")
    image = street(0)
    corners = np.arange(BOXES, dtype=np.float32)[:, None] * 300
    boxes = np.hstack([corners + 50, corners + 50, corners + 350, corners + 250])

    def by_library() -> None:
        predictor.set_image(image, "BGR")
        for box in boxes:
            predictor.predict(box=box, multimask_output=False)

    return {
        "library, eager float32": lambda: rate(1, by_library, device),
        f"ours, {autocast_type(device, 'auto') or torch.float32}": lambda: rate(
            1, lambda: masker.masks(image, boxes), device
        ),
    }


def rate(count: int, work: Callable[[], object], device: torch.device) -> float:
    """How many a second of the GPU, or of one core."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    began_s = clock()
    work()  # ends with the results in the processor's memory
    return count / (clock() - began_s)


def street(seed: int) -> NDArray[np.uint8]:
    """A blurred random picture."""
    noise = np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 5), np.uint8)


def warmed(works: dict[str, Callable[[], float]], on_gpu: bool) -> dict[str, Callable[[], float]]:
    """Called once on a GPU, which starts slowly; on a CPU a call takes seconds, and starting is nothing beside it."""
    for work in works.values() if on_gpu else ():
        work()
    return works


def show(speeds: dict[str, float], unit: str) -> None:
    """A table whose ratios are to the first row, and how many cameras that serves."""
    first = next(iter(speeds.values()))
    rows = [
        [name, f"{speed:.3g}", f"{speed / first:.2f}", f"{speed / (ANALYSED_FPS * KEY_FRAMES):.2g}"]
        for name, speed in speeds.items()
    ]
    table(["what", unit, "ratio", f"cameras at {ANALYSED_FPS * KEY_FRAMES:.1f} a second"], rows)


@contextmanager
def freed(device: torch.device) -> Iterator[None]:
    """Leaves no memory of the GPU behind."""
    yield
    if device.type == "cuda":
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
