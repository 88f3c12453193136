"""`corridor encoder teach`: a teacher network's vectors of a data set, as training targets."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.terminal.image_progress import ImageProgress
from deploy.cli.terminal.screen import make_console
from ingest.clock import SystemClock
from ingest.digest import short_digest
from ingest.errors import ConfigError
from training.datasets.prepared import need_torch

SUFFIX = ".npz"


def teach(
    dataset: Annotated[str, typer.Argument(help="A folder, or KIND:FOLDER as in images:/data/crops.")],
    networks: Annotated[
        list[Path],
        typer.Option(
            "--by",
            help="The teacher: a network of OpenVINO (.xml) or ONNX, an encoder of `corridor encoder export`, or "
            "grl-64, which comes with the program. Given several times: their cosines' mean is learned.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write, .npz.")],
) -> None:
    """Compute a teacher's vector of every image of a data set, once; `teacher` beside a training's data set names it.

    Each is the mean of the teacher's vectors of the image whole, small, and without its rim, and of their mirror
    images.
    """
    need_torch()
    from training.datasets.registry import list_dataset
    from training.encoder.checkpoint import check_writable
    from training.teacher.network import make_teacher, teacher_file
    from training.teacher.vectors import save_teacher_vectors, side_by_side
    from training.teacher.vectors import teacher_vectors as all_of

    if out.suffix != SUFFIX and not out.is_dir():  # a folder is refused by `check_writable`, with other advice
        raise ConfigError(f"--out {out} does not end in {SUFFIX} (give {out.with_suffix(SUFFIX)})")
    listing, files = list_dataset(dataset), [teacher_file(name) for name in networks]
    teachers = [(path, make_teacher(path)) for path in files]
    check_writable(out)
    clock = SystemClock()
    began_s = clock.monotonic_s()
    several = []
    for path, teacher in teachers:
        name = f"{path.stem} {_weights_digest(path)}"
        with ImageProgress(name, clock) as progress:
            several.append(all_of(listing, teacher, name, progress))
    found = side_by_side(several) if len(several) > 1 else several[0]
    save_teacher_vectors(out, found)
    took_s = clock.monotonic_s() - began_s
    numbers = f"{len(found.names)} images, {found.features.shape[1]} numbers each"
    line = f"{numbers} by {found.metadata.teacher}: {out} ({took_s:.0f} s)"
    make_console().print(line, highlight=False, soft_wrap=True)


def _weights_digest(path: Path) -> str:
    """Digest of the weights: beside an .xml they are in the .bin."""
    weights = path.with_suffix(".bin")
    return short_digest(weights if path.suffix == ".xml" and weights.exists() else path)
