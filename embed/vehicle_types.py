"""Type of a vehicle, read from the vector of its tracklet: one linear layer on what the encoder has computed."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import WeightsError

VEHICLE_TYPES = ("car", "van", "bus", "truck", "motorcycle")
"""A truck is what British traffic counts call a lorry; a motorcycle stands for every two-wheeler."""
ENDING = ".types.npz"
"""What the file's name ends with, beside that of its encoder."""
LEAST_PROBABILITY = 0.6
"""Probability from which a type replaces the label `vehicle`."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TypeHead:
    """Softmax regression: `weights` (T, D) and `bias` (T,) float32, on vectors (D,) of one `encoder`, `name@hash`.

    The T types are VEHICLE_TYPES.
    """

    encoder: str
    weights: Floats
    bias: Floats

    def probabilities(self, vectors: Floats) -> Floats:
        """(N, T) probabilities of the types of vectors (N, D), each row of sum 1."""
        raised = vectors @ self.weights.T + self.bias
        shares = np.exp(raised - raised.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)

    def __call__(self, vector: Floats) -> tuple[str, float]:
        """The most probable type of a vector (D,) of norm 1, and its probability."""
        row = self.probabilities(vector[None])[0]
        best = int(row.argmax())
        return VEHICLE_TYPES[best], float(row[best])


def head_file(encoder_file: Path) -> Path:
    """Path of an encoder's head, beside the encoder."""
    return encoder_file.with_name(encoder_file.stem + ENDING)


def write_head(path: Path, head: TypeHead) -> None:
    """Write a head as float16: equal heads make equal files."""
    np.savez(
        path,
        encoder=np.array(head.encoder),
        types=np.array(VEHICLE_TYPES),
        weights=head.weights.astype("<f2"),
        bias=head.bias.astype("<f4"),
    )


def read_head(path: Path, encoder: str) -> TypeHead:
    """Read the head of the encoder `name@hash`; raises WeightsError for a file that is none, or of another one."""
    try:
        # A file that NumPy opens itself stays open where it is damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            of_encoder, types = str(stored["encoder"]), tuple(stored["types"].tolist())
            weights, bias = stored["weights"].astype(np.float32), stored["bias"].astype(np.float32)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is none, or is damaged"
        raise WeightsError(f"cannot read the types' head {path}: {reason} (train it: docs/training.md)") from error
    if of_encoder != encoder:
        raise WeightsError(
            f"the types' head {path} is of the encoder {of_encoder}, not of {encoder} (train it again, or remove it)"
        )
    if types != VEHICLE_TYPES or weights.ndim != 2 or weights.shape[0] != len(types) or bias.shape != (len(types),):
        raise WeightsError(f"the types' head {path} has other types or another form (train it again, or remove it)")
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise WeightsError(f"the types' head {path} has numbers that are not finite (train it again)")
    return TypeHead(of_encoder, weights, bias)
