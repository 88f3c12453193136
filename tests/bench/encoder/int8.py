"""`python -m tests.bench encoder_int8`: the shipped encoder in eight bits, how much faster it is and what that costs.

Static quantisation by ONNX Runtime (weights by channel, activations by tensor, ranges from real crops of nobody known),
run by OpenVINO as ours is. Rank 1: vehicles of the city that no training has seen, a rear view in each of two cameras,
and the real two-camera set, whose vehicles the shipped weights have seen: there only the difference counts.
"""

import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from embed.crops import Crop
from embed.exported import IMAGES, PRIORS, ExportedEncoder
from embed.priors import rasterise
from embed.resizing import resized
from embed.runtime import RunInference, on_cpu, prior_of
from embed.settings import SHIPPED_FILE
from tests.bench.city.crops_set import Shot, city_shots, hits, real_others, real_pairs, two_cameras, with_masks
from tests.bench.measure import rate, table

THREADS = 2
ROUNDS = 5
BATCH = 8
CITY_SEED = 301
CITY_VEHICLES = 417
RANGED = 256
"""Pictures that the ranges of the activations are taken from."""

Inputs = tuple[NDArray[np.uint8], NDArray[np.float32]]


def inputs(shots: Sequence[Shot], exported: ExportedEncoder) -> Inputs:
    """Pictures (N, H, W, 3) and priors (N, 2, H/4, W/4) as the encoder takes them."""
    crops = [Crop(shot.image, shot.box, 1.0, 0, shot.mask) for shot in shots]
    images = np.stack([resized(crop.image, exported.metadata.size_hw) for crop in crops])
    return images, np.stack([rasterise(prior_of(crop), exported.metadata.prior_size) for crop in crops])


class Ranges:
    """Hands ONNX Runtime one picture after the other."""

    def __init__(self, images: NDArray[np.uint8], priors: NDArray[np.float32]) -> None:
        self._rows: Iterator[Mapping[str, NDArray[np.uint8] | NDArray[np.float32]]] = (
            {IMAGES: images[row : row + 1], PRIORS: priors[row : row + 1]} for row in range(len(images))
        )

    def get_next(self) -> Mapping[str, NDArray[np.uint8] | NDArray[np.float32]] | None:
        return next(self._rows, None)


def quantised(exported: ExportedEncoder, ranged: Inputs, folder: Path) -> ExportedEncoder:
    """The same encoder in eight bits."""
    import onnxruntime  # type: ignore[import-untyped]
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    CalibrationDataReader.register(Ranges)
    plain, small = folder / "plain.onnx", folder / "int8.onnx"
    # Half-precision kernels are stored with a cast behind them; folded, they are kernels that can be quantised.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(plain)
    onnxruntime.InferenceSession(exported.path, options, providers=["CPUExecutionProvider"])
    quantize_static(
        plain,
        small,
        Ranges(*ranged),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv"],
    )
    model = onnx.load(small)
    del model.metadata_props[:]
    model.metadata_props.extend(onnx.load(exported.path).metadata_props)
    onnx.save(model, small)
    return ExportedEncoder.open(small)


def vectors(run: RunInference, given: Inputs) -> NDArray[np.float32]:
    """(N, dim), in batches."""
    images, priors = given
    return np.concatenate([run(images[at : at + 64], priors[at : at + 64]) for at in range(0, len(images), 64)])


def rank1(run: RunInference, query: Inputs, gallery: Inputs) -> float:
    """Row by row the same vehicle."""
    return float(hits(vectors(run, query), vectors(run, gallery)).mean())


def both_cameras(shots: Sequence[Shot]) -> tuple[list[Shot], list[Shot]]:
    """Vehicles seen by both, once each, in the same order."""
    first, second = sorted({shot.camera for shot in shots})
    by_place = {(shot.identity, shot.camera): shot for shot in shots}
    both = sorted({who for who, camera in by_place if camera == first} & {who for who, c in by_place if c == second})
    return [by_place[who, first] for who in both], [by_place[who, second] for who in both]


def main() -> None:
    exported = ExportedEncoder.open(SHIPPED_FILE)
    others = with_masks(real_others(RANGED, np.random.default_rng(0)))
    city = city_shots(two_cameras(("smooth", "rush-hour"), CITY_VEHICLES, CITY_SEED))
    sets = {
        name: [inputs(shots, exported) for shots in both_cameras(with_masks(known))]
        for name, known in (("city", city), ("real", real_pairs()))
    }
    with tempfile.TemporaryDirectory() as folder:
        small = quantised(exported, inputs(others, exported), Path(folder))
        runs = {"float32 (ours)": on_cpu(exported, THREADS), "int8": on_cpu(small, THREADS)}
        size = {"float32 (ours)": exported.path.stat().st_size, "int8": small.path.stat().st_size}
    taken = _crops_per_s(runs, sets["real"][0])
    exact = vectors(runs["float32 (ours)"], sets["real"][0])
    rows = []
    for name, run in runs.items():
        alike = float(np.einsum("nd,nd->n", vectors(run, sets["real"][0]), exact).mean())
        ranks = [f"{rank1(run, *pair):.3f}" for pair in sets.values()]
        pace = [f"{taken[name]:.0f}", f"{taken[name] / taken['float32 (ours)']:.2f}"]
        rows.append([name, f"{size[name] / 1e6:.1f}", *pace, f"{alike:.4f}", *ranks])
    counts = [f"rank 1, {name} ({len(pair[0][0])} vehicles)" for name, pair in sets.items()]
    height, width = exported.metadata.size_hw
    print(f"{exported.id}, {height}x{width}, {THREADS} threads, batch {BATCH}, medians of {ROUNDS} interleaved runs\n")
    table(["weights", "MB", "crops/s", "to float32", "mean cosine", *counts], rows)


def _crops_per_s(runs: dict[str, RunInference], given: Inputs) -> dict[str, float]:
    images, priors = given[0][:BATCH], given[1][:BATCH]
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run(images, priors)
    for _ in range(ROUNDS):
        for name, run in runs.items():
            taken[name].append(20 * rate(BATCH, lambda run=run: [run(images, priors) for _ in range(20)]))  # type: ignore[misc]
    return {name: statistics.median(values) for name, values in taken.items()}


if __name__ == "__main__":
    main()
