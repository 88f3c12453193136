"""The figures of a trained network, kept in its run's folder with all that a table must say of them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError
from training.encoder.checkpoint import write_atomically
from training.evaluation.protocols import EvaluationRow

FOLDER = "evaluations"


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One network on one data set.

    model: with the test feature that was measured. recipe: its base and what it changes, and where it was stopped;
    sets, tested: labels of the data sets trained and tested on, whole; start, teacher: as `Origin` has them;
    parameters without classifiers; priors_by: who found the priors, empty without. checkpoint: first digits of the
    file's SHA-256. seen: queries of vehicles that it was trained on, which say nothing of others.
    """

    model: NetworkSettings
    recipe: str
    sets: tuple[str, ...]
    start: str
    teacher: str
    parameters_trained: int
    parameters_deployed: int
    priors_by: str
    tested: str
    rows: tuple[EvaluationRow, ...]
    checkpoint: str = ""
    seen: int = 0

    @property
    def in_domain(self) -> bool:
        """True where the network was trained on (other vehicles of) the set that it was tested on."""
        return self.tested in self.sets


def keep_evaluation(run: Path, evaluation: Evaluation) -> Path:
    """Write it into the run's folder; raises CheckpointError.

    What is there already of the same weights, data set, feature and priors is kept, but for the rows that are new;
    what is there of weights that the training has left behind is written over.
    """
    first, model = evaluation.rows[0], evaluation.model
    priors = hashlib.sha256(evaluation.priors_by.encode()).hexdigest()[:6] if evaluation.priors_by else ""
    words = (first.dataset, first.version, first.fingerprint.rpartition(" ")[2], model.test_feature or "", priors)
    name = "-".join(word.replace(" ", "_").replace("/", "_") for word in words if word)
    path = run / FOLDER / f"{name}.json"
    data = msgspec.json.encode(msgspec.to_builtins(_with_former(evaluation, path), str_keys=True))
    write_atomically(path, msgspec.json.format(data) + b"\n")
    return path


def _with_former(evaluation: Evaluation, path: Path) -> Evaluation:
    try:
        former = _read(path)
    except ConfigError:
        return evaluation
    if former.checkpoint != evaluation.checkpoint:
        return evaluation
    new = {_row_key(row) for row in evaluation.rows}
    kept = (row for row in former.rows if _row_key(row) not in new)
    return msgspec.structs.replace(evaluation, rows=(*evaluation.rows, *kept))


def _row_key(row: EvaluationRow) -> tuple[str, str, str]:
    return row.subset, row.prior, row.post


def read_evaluations(runs: Sequence[Path]) -> list[Evaluation]:
    """All evaluations of some runs' folders; raises ConfigError for a folder without, or a file that is none."""
    found = []
    for run in runs:
        paths = sorted((run / FOLDER).glob("*.json"))
        if not paths:
            raise ConfigError(
                f"{run} has no evaluations (make one: corridor encoder evaluate {run}/checkpoint.pt DATA)"
            )
        found += [_read(path) for path in paths]
    return found


def _read(path: Path) -> Evaluation:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evaluation)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path} is not an evaluation of an encoder: {error}") from error
