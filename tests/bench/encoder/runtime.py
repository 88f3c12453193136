"""An exported encoder against the same network in PyTorch and in ONNX Runtime, on the CPU.

GRL with priors, 256x256, never trained, which changes nothing in how fast it is. All engines get pictures and priors
that are ready; what the encoder does before, resizing crops and drawing their priors, is a row of its own.
"""

import statistics
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from embed.crops import Crop
from embed.exported import IMAGES, PRIORS, ExportedEncoder
from embed.network.inference import InferenceModel
from embed.network.settings import NetworkSettings
from embed.priors import rasterise
from embed.resizing import resized
from embed.runtime import PRECISION, RuntimeEncoder, on_cpu, prior_of
from tests.bench.measure import rate, table
from tests.training.random_encoder import random_checkpoint
from training.encoder.checkpoint import load_network
from training.encoder.export import export

THREADS = 2
ROUNDS = 5
BATCHES = (1, 8)
SIDE_PX = 256

Engine = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]


def by_torch(deployed: InferenceModel, layout: torch.memory_format) -> Engine:
    """The network as it is trained."""
    deployed.to(memory_format=layout)

    def run(images: NDArray[np.uint8], priors: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            vectors: NDArray[np.float32] = deployed(torch.from_numpy(images), torch.from_numpy(priors)).numpy()
        return vectors

    return run


def by_onnx_runtime(path: Path) -> Engine:
    """What many would take."""
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images, priors: session.run(None, {IMAGES: images, PRIORS: priors})[0]


def engines(folder: Path) -> dict[str, Engine]:
    """By name, the reference first."""
    settings = NetworkSettings()
    network = random_checkpoint(folder / "checkpoint.pt", settings)
    path = folder / "encoder.onnx"
    files = export(folder / "checkpoint.pt", path)
    sizes = ", ".join(f"{each.suffix} {size / 1e6:.2f} MB" for each, size in files.sizes.items())
    print(f"{files.id}: {sizes}; together {sum(files.sizes.values()) / 1e6:.2f} MB")
    twin = InferenceModel(load_network(folder / "checkpoint.pt")[0])
    found: dict[str, Engine] = {
        "PyTorch eager, float32, channels first": by_torch(InferenceModel(network), torch.contiguous_format),
        "PyTorch, float32, channels last": by_torch(twin, torch.channels_last),
    }
    if find_spec("onnxruntime") is not None:
        found["ONNX Runtime, float32"] = by_onnx_runtime(path)
    for precision in dict.fromkeys((PRECISION, "bf16")):
        ours = " (ours)" if precision == PRECISION else ""
        found[f"OpenVINO, {precision}{ours}"] = on_cpu(ExportedEncoder.open(path), THREADS, precision)
    return found


def random_inputs(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Rough coloured blots, and a box with a smaller mask in it."""
    rough = rng.integers(0, 256, (max(BATCHES), 9, 9, 3), dtype=np.uint8)
    images = np.stack([cv2.resize(each, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC) for each in rough])
    priors = np.zeros((len(images), 2, SIDE_PX // 4, SIDE_PX // 4), np.float32)
    for row in range(len(priors)):
        priors[row, 0, 6 : 58 - row, 4 + row : 60] = 1
        priors[row, 1, 12 : 54 - row, 10 + row : 55] = 1
    return images, priors


def interleaved_ms(works: dict[str, Callable[[], object]], count: int) -> dict[str, float]:
    """Milliseconds a crop, the median of rounds in which the works take turns; each is warmed first."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(ROUNDS):
        for name, work in works.items():
            taken[name].append(1e3 / rate(count, work))
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    threads_before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _compare(Path(folder))
    finally:
        torch.set_num_threads(threads_before)


def _compare(folder: Path) -> None:
    compared = engines(folder)
    images, priors = random_inputs(np.random.default_rng(0))
    vectors = {name: run(images, priors) for name, run in compared.items()}
    reference = next(iter(vectors.values()))
    spread = float((reference @ reference.T).min())
    print(f"{THREADS} threads, {SIDE_PX}x{SIDE_PX}, medians of {ROUNDS} interleaved runs; the pictures' own cosines go")
    print(f"down to {spread:.3f}\n", flush=True)
    medians = {
        batch: interleaved_ms(
            {name: lambda run=run, batch=batch: run(images[:batch], priors[:batch]) for name, run in compared.items()},  # type: ignore[misc]
            batch,
        )
        for batch in BATCHES
    }
    rows = []
    for name in compared:
        cosine = float(np.einsum("nd,nd->n", vectors[name], reference).min())
        cells: list[str] = []
        for of_batch in medians.values():
            cells += [f"{of_batch[name]:.1f}", f"{_first(of_batch) / of_batch[name]:.2f}"]
        rows.append([name, *cells, f"{1 - cosine:.1e}"])
    heads = [head for batch in BATCHES for head in (f"batch {batch}: ms a crop", "to eager")]
    table(["engine", *heads, "1 - cosine to eager"], rows)
    whole = RuntimeEncoder(folder / "encoder.onnx", threads=THREADS)
    crops = [Crop(image[:200, :150].copy(), np.array([15, 20, 135, 180], np.float32), 1.0, 0) for image in images]

    def before() -> None:
        np.stack([resized(crop.image, (SIDE_PX, SIDE_PX)) for crop in crops])
        np.stack([rasterise(prior_of(crop), (SIDE_PX // 4, SIDE_PX // 4)) for crop in crops])

    took = interleaved_ms({"all": lambda: whole(crops), "before": before}, len(crops))
    print(f"\nThe whole encoder, from {len(crops)} crops of 150x200: {took['all']:.1f} ms a crop, ", end="")
    print(f"{took['before']:.2f} of them before the network")


def _first(values: dict[str, float]) -> float:
    return next(iter(values.values()))


if __name__ == "__main__":
    main()
