"""A teacher network's vectors of every image of a data set, computed once and kept in one file.

FEATURES.npz   `about` (JSON: data set, fingerprint, teacher), `names` (N,) and `features` (N, D) float16 of norm 1
"""

import io
import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import msgspec
import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from ingest.errors import ConfigError, SourceError
from ingest.frame import Image
from training.datasets.base import ImageSet
from training.datasets.images import read_image
from training.datasets.listing import Listing
from training.datasets.names import shown
from training.encoder.checkpoint import write_atomically
from training.teacher.views import views

logger = logging.getLogger(__name__)

TeacherNetwork = Callable[[Image], NDArray[np.float32]]
"""A network that maps an image to a vector of any length."""


class TeacherMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The teacher, and the files that its vectors are of."""

    dataset: str
    fingerprint: str
    teacher: str


@dataclass(frozen=True, slots=True, eq=False)
class TeacherVectors:
    """A teacher's vectors, (N, D) float16 of norm 1, of images by name."""

    metadata: TeacherMetadata
    names: NDArray[np.str_]
    features: NDArray[np.float16]

    def of(self, images: ImageSet) -> NDArray[np.float32]:
        """Vectors (N, D) of images; raises ConfigError for one that the teacher has not seen."""
        order = np.argsort(self.names)
        places = np.searchsorted(self.names, images.names, sorter=order)
        rows = order[np.minimum(places, len(order) - 1)]
        strangers = images.names[self.names[rows] != images.names]
        if len(strangers):
            raise ConfigError(
                f"the teacher's features are of other files than these: there are none of '{shown(strangers[0])}' "
                "(compute them again: corridor encoder teach)"
            )
        return self.features[rows].astype(np.float32)

    def check(self, listing: Listing) -> None:
        """Raise ConfigError where the features are not those of the data set's files."""
        if self.metadata.fingerprint != listing.fingerprint().sha256:
            raise ConfigError(
                f"the teacher's features are of other files than {listing.name}'s (compute them again: "
                "corridor encoder teach)"
            )


def teacher_vectors(
    listing: Listing, teacher: TeacherNetwork, teacher_name: str, on_progress: Callable[[int, int], None]
) -> TeacherVectors:
    """A teacher's vectors of all images of a data set: the mean over the `views` of each.

    `teacher_name` says who it is; `on_progress` gets how many images are done, of how many. Images that cannot be read
    are left out and warned of. Raises ConfigError where none is left, and for a vector that is not finite.
    """
    paths = listing.paths()
    names, features, left_out = [], [], []
    for done, (name, path) in enumerate(sorted(paths.items()), 1):
        on_progress(done, len(paths))
        try:
            image = read_image(path)
        except SourceError as error:
            left_out.append(str(error))
            continue
        mean = sum((_unit(teacher(view)) for view in views(image)), np.zeros(1, np.float32))
        if not np.isfinite(mean).all():
            raise ConfigError(f"the teacher {teacher_name} gives '{shown(name)}' a vector that is not finite")
        names.append(name)
        features.append(_unit(mean).astype(np.float16))
    if not names:
        raise ConfigError(f"{listing.name}: none of {len(paths)} images can be read: {left_out[0]}")
    if left_out:
        logger.warning("%s: %d images are left out because they cannot be read", listing.name, len(left_out))
        for why in left_out:
            logger.warning("  %s", why)
    metadata = TeacherMetadata(dataset=listing.name, fingerprint=listing.fingerprint().sha256, teacher=teacher_name)
    return TeacherVectors(metadata, np.array(names, np.str_), np.stack(features))


def side_by_side(several: Sequence[TeacherVectors]) -> TeacherVectors:
    """Several teachers of the same images as one, whose cosines are the mean of theirs.

    Each one's vectors lose their mean, which says nothing of any image, and have norm 1 again before they are joined.
    """
    first = several[0]
    parts = []
    for each in several:
        apart = each.features.astype(np.float32) - each.features.mean(axis=0, dtype=np.float32)
        parts.append(apart / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-12))
    names = " and ".join(each.metadata.teacher for each in several)
    metadata = msgspec.structs.replace(first.metadata, teacher=names)
    joined = np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))
    return TeacherVectors(metadata, first.names, joined.astype(np.float16))


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = np.asarray(vector, np.float32).ravel()
    return flat / max(float(np.linalg.norm(flat)), 1e-12)


def save_teacher_vectors(path: Path, vectors: TeacherVectors) -> None:
    """Write the file, whole or not at all; raises CheckpointError."""
    buffer = io.BytesIO()
    metadata = np.frombuffer(msgspec.json.encode(vectors.metadata), np.uint8)
    np.savez(buffer, about=metadata, names=vectors.names, features=vectors.features)
    write_atomically(path, buffer.getbuffer())


def load_teacher_vectors(path: Path) -> TeacherVectors:
    """Read what `save_teacher_vectors` has written; raises ConfigError where the file is something else."""
    try:
        file = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        if not isinstance(file, NpzFile):
            raise ValueError("it holds a single array")
        with file:
            metadata = msgspec.json.decode(file["about"].tobytes(), type=TeacherMetadata)
            features = file["features"]
            if not np.isfinite(features).all():
                raise ValueError("a vector is not finite")
            return TeacherVectors(metadata, file["names"], features)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"{path} is not a file of a teacher's features: {error} (compute them: corridor encoder teach)"
        ) from error
