"""From checkpoints to their figures, which are kept beside them for tables."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from embed.network.settings import TestFeature
from ingest.digest import short_digest
from ingest.errors import ConfigError
from training.datasets.prepared import SHUFFLE_SEED, Opened, Size, Told, need_torch, open_set, prior_source
from training.encoder.config import DataSettings

# What needs torch is imported by the functions, when they are sure to need it.

if TYPE_CHECKING:
    from embed.network.network import ReidNetwork
    from training.encoder.checkpoint import Loaded, Origin
    from training.encoder.precision import Precision
    from training.evaluation.protocols import Row
    from training.evaluation.retrieval import Features
    from training.priors.cache import PriorRow

logger = logging.getLogger(__name__)

Tell = Callable[[int], None]


def evaluate_encoder(
    checkpoint: Path,
    dataset: str,
    priors_folder: Path | None,
    *,
    feature: TestFeature | None = None,
    more: bool,
    say: Told,
    tell: Tell,
) -> "list[Row]":
    """The figures of a checkpoint's network: with priors every way of telling them, `more` also post-processed.

    `feature`: by which of its test features, where not the one that it was configured with.
    """
    need_torch()
    from training.encoder.checkpoint import load_network
    from training.encoder.distributed import joined
    from training.encoder.precision import choose_precision

    loaded = load_network(checkpoint, feature)
    network, origin = loaded.network, loaded.origin
    opened = _open(dataset, priors_folder, network, origin)
    data = opened.data
    seen = len(_seen(origin, opened))
    if seen:
        say(f"{seen} of {len(data.query)} queries are of vehicles that it was trained on: they say nothing of others")
    with joined() as place:
        precision = choose_precision("fp32", place.device)  # bfloat16 turns vectors by up to 20 degrees
        say(f"{len(data.query)} queries in {len(data.gallery)} images; {precision}")
        network.to(place.device)
        rows: list[Row] = []
        for told in _ways(opened):
            rows += figures_of(
                network, _size(origin), opened, told, precision, _seeds(origin, told), more=more, tell=tell
            )
    _keep(checkpoint, loaded, opened, rows, seen)
    return rows


def evaluate_fold_runs(
    checkpoints: Sequence[Path],
    folder: Path,
    priors_folder: Path | None,
    *,
    feature: TestFeature | None = None,
    say: Told,
    tell: Tell,
) -> "list[Row]":
    """The figures of a cross-validation on a two-camera set: checkpoint k on fold k, the queries of all pooled.

    They are kept beside the first checkpoint.
    """
    need_torch()
    from training.datasets.two_camera import FOLDS
    from training.encoder.checkpoint import load_network
    from training.encoder.distributed import joined
    from training.encoder.precision import choose_precision
    from training.evaluation.protocols import About, evaluate_folds

    if len(checkpoints) != FOLDS:
        raise ConfigError(f"{len(checkpoints)} checkpoints for {FOLDS} folds (give one of each fold, in their order)")
    networks = [load_network(path, feature) for path in checkpoints]
    network, origin, _ = networks[0]
    folds = [
        _open_fold(path, loaded, networks[0], f"two-camera/fold{number}:{folder}", priors_folder)
        for number, (path, loaded) in enumerate(zip(checkpoints, networks, strict=True), 1)
    ]
    rows: list[Row] = []
    with joined() as place:
        precision = choose_precision("fp32", place.device)  # bfloat16 turns vectors by up to 20 degrees
        say(f"{sum(len(fold.data.query) for fold in folds)} queries in {FOLDS} folds; {precision}")
        for told in _ways(folds[0]):
            vectors = [
                vectors_of(each.to(place.device), _size(theirs), fold, told, precision, tell)
                for (each, theirs, _), fold in zip(networks, folds, strict=True)
            ]
            about = About(str(folds[0].data.fingerprint()), network.test_feature, told, _seeds(origin, told))
            rows += evaluate_folds([fold.data for fold in folds], vectors, about)
    _keep(checkpoints[0], networks[0], folds[0], rows)
    return rows


def figures_of(
    network: "ReidNetwork",
    size_hw: Size,
    opened: Opened,
    told: "PriorRow",
    precision: "Precision",
    seeds: Mapping[str, int],
    *,
    more: bool = False,
    tell: Tell = lambda images: None,
) -> "list[Row]":
    """The rows of a network in evaluation mode on a data set, told of vehicles in one way."""
    from training.datasets.base import Protocol
    from training.evaluation.protocols import About, evaluate_features
    from training.evaluation.rerank import ReRanking

    data = opened.data
    query, gallery = vectors_of(network, size_hw, opened, told, precision, tell)
    about = About(str(data.fingerprint()), network.test_feature, told, seeds)
    rows = evaluate_features(data, query, gallery, about)
    if more and data.protocol is Protocol.IMAGE_TO_IMAGE:
        rows += evaluate_features(data, query, gallery, about, remove_camera_bias=True)
        rows += evaluate_features(data, query, gallery, about, reranking=ReRanking())
    return rows


def vectors_of(
    network: "ReidNetwork", size_hw: Size, opened: Opened, told: "PriorRow", precision: "Precision", tell: Tell
) -> "tuple[Features, Features]":
    """The vectors of queries and gallery."""
    from training.evaluation.features import extract

    query, gallery = (
        extract(network, images, size_hw, precision, prior_source(opened, images, told, size_hw), tell)
        for images in (opened.data.query, opened.data.gallery)
    )
    return query, gallery


def _open(dataset: str, priors_folder: Path | None, network: "ReidNetwork", origin: "Origin") -> Opened:
    opened = open_set(DataSettings(set=dataset, priors=None if priors_folder is None else str(priors_folder)))
    if opened.priors is not None and not network.takes_priors:
        raise ConfigError(f"--priors: {origin.model.name} takes none")
    if not len(opened.data.query):
        raise ConfigError(f"{opened.label} has no queries, so nothing can be measured on it")
    return opened


def _open_fold(path: Path, loaded: "Loaded", first: "Loaded", dataset: str, priors_folder: Path | None) -> Opened:
    """Raises ConfigError where a network is another than the first fold's, or was trained on what it is to find."""
    network, origin, _ = loaded
    for name in ("model", "recipe", "start", "teacher", "sets"):
        if getattr(origin, name) != getattr(first.origin, name):
            raise ConfigError(f"{path} has another {name} than that of fold 1: folds of one thing are pooled")
    opened = _open(dataset, priors_folder, network, origin)
    seen = _seen(origin, opened)
    if seen:
        raise ConfigError(f"{path} was trained on '{seen[0]}', which {opened.data.version} holds out")
    return opened


def _seen(origin: "Origin", opened: Opened) -> list[str]:
    """Of every query whose vehicle a network was trained on, which vehicle that is; sorted."""
    known: set[str] = set()
    for number, label in enumerate(origin.sets, 1):
        if label == opened.label:
            known |= set(_identities_of(number, origin))
    return sorted(identity for identity in opened.data.query.identities.tolist() if identity in known)


def _identities_of(number: int, origin: "Origin") -> list[str]:
    """A set's own identities, without the number that several sets together are told apart by."""
    if len(origin.sets) == 1:
        return list(origin.identities)
    return [name for head, _, name in (each.partition("/") for each in origin.identities) if head == str(number)]


def _ways(opened: Opened) -> "tuple[PriorRow, ...]":
    from training.priors.cache import PriorRow

    return get_args(PriorRow) if opened.priors is not None else ("no-prior",)


def _seeds(origin: "Origin", told: "PriorRow") -> dict[str, int]:
    return {"training": origin.seed} | ({"shuffle": SHUFFLE_SEED} if told == "shuffled-prior" else {})


def _size(origin: "Origin") -> Size:
    return origin.model.height, origin.model.width


def _keep(checkpoint: Path, loaded: "Loaded", opened: Opened, rows: "Sequence[Row]", seen: int = 0) -> None:
    """Beside the checkpoint, for tables; where that cannot be, the figures are shown all the same."""
    from embed.network.network import parameter_counts
    from training.datasets.base import Protocol
    from training.encoder.checkpoint import CheckpointError, write_atomically
    from training.encoder.recipe import described
    from training.evaluation.protocols import told_trials
    from training.evaluation.stored_evaluations import Evaluation, keep_evaluation

    network, origin, epochs = loaded
    counts = parameter_counts(network)
    stopped = "" if loaded.finished else f", stopped after {epochs} epochs"
    evaluation = Evaluation(
        model=msgspec.structs.replace(origin.model, test_feature=network.test_feature),
        recipe=described(origin.recipe) + stopped,
        sets=origin.sets,
        start=origin.start,
        teacher=origin.teacher,
        parameters_trained=counts.trained,
        parameters_deployed=counts.deployed,
        priors_by="" if opened.priors is None else opened.priors.about.maker,
        tested=opened.label,
        rows=tuple(rows),
        checkpoint=short_digest(checkpoint),
        seen=seen,
    )
    data = opened.data
    try:
        keep_evaluation(checkpoint.parent, evaluation)
        if data.protocol is Protocol.TEN_TRIALS:
            write_atomically(checkpoint.parent / f"trials-{data.name}.json", told_trials(data))
    except CheckpointError as error:
        logger.warning("the figures are not kept for tables: %s", error)
