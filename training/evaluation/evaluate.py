"""Evaluation of checkpoints; the figures are kept beside them for tables."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from embed.network.settings import NetworkSettings, TestFeature
from ingest.digest import short_digest
from ingest.errors import ConfigError
from training.datasets.prepared import SHUFFLE_SEED, Notify, PreparedSet, Size, need_torch, prepare_set, prior_source
from training.encoder.config import DataSettings

# What needs torch is imported by the functions, when they are sure to need it.

if TYPE_CHECKING:
    from embed.network.network import ReidNetwork
    from training.encoder.checkpoint import Loaded, Origin
    from training.encoder.precision import Precision
    from training.evaluation.protocols import EvaluationRow
    from training.evaluation.retrieval import Features
    from training.priors.cache import PriorMode

logger = logging.getLogger(__name__)

OnProgress = Callable[[int], None]


def evaluate_encoder(
    checkpoint: Path,
    dataset: str,
    priors_folder: Path | None,
    *,
    feature: TestFeature | None = None,
    more: bool,
    notify: Notify,
    on_progress: OnProgress,
) -> "list[EvaluationRow]":
    """The figures of a checkpoint's network: with priors every way of telling them, `more` also post-processed.

    `feature`: by which of its test features, where not the one that it was configured with.
    """
    need_torch()
    from training.encoder.checkpoint import EXPORTED_SUFFIX, GRAPH_SUFFIX, load_exported, load_network

    if checkpoint.suffix == GRAPH_SUFFIX and checkpoint.is_file():
        raise ConfigError(
            f"{checkpoint} is an export's graph, of which nothing is measured here (give the weights beside it, "
            f"{checkpoint.with_suffix(EXPORTED_SUFFIX)}, or the checkpoint that it was made of)"
        )
    # An export says nothing of its training; of those that it lies among no table is made.
    if checkpoint.suffix == EXPORTED_SUFFIX:
        network, model = load_exported(checkpoint, feature)
        prepared = _open(dataset, priors_folder, network, model)
        return _measured(network, model, prepared, {}, more=more, notify=notify, on_progress=on_progress)
    loaded = load_network(checkpoint, feature)
    network, origin = loaded.network, loaded.origin
    prepared = _open(dataset, priors_folder, network, origin.model)
    seen = len(trained_queries(origin, prepared))
    if seen:
        notify(
            f"{seen} of {len(prepared.data.query)} queries are of vehicles that it was trained on: they say nothing of "
            "others"
        )
    seeds = {"training": origin.seed}
    rows = _measured(network, origin.model, prepared, seeds, more=more, notify=notify, on_progress=on_progress)
    _keep(checkpoint, loaded, prepared, rows, seen)
    return rows


def _measured(
    network: "ReidNetwork",
    model: NetworkSettings,
    prepared: PreparedSet,
    seeds: Mapping[str, int],
    *,
    more: bool,
    notify: Notify,
    on_progress: OnProgress,
) -> "list[EvaluationRow]":
    """The rows of all prior modes that there are."""
    from training.encoder.distributed import distributed_context
    from training.encoder.precision import choose_precision

    data = prepared.data
    rows: list[EvaluationRow] = []
    with distributed_context() as context:
        precision = choose_precision("fp32", context.device)  # bfloat16 turns vectors by up to 20 degrees
        notify(f"{len(data.query)} queries in {len(data.gallery)} images; {precision}")
        network.to(context.device)
        for prior_mode in _prior_modes(prepared):
            rows += evaluation_rows(
                network,
                _size(model),
                prepared,
                prior_mode,
                precision,
                _seeds(seeds, prior_mode),
                more=more,
                on_progress=on_progress,
            )
    return rows


def evaluate_fold_runs(
    checkpoints: Sequence[Path],
    folder: Path,
    priors_folder: Path | None,
    *,
    feature: TestFeature | None = None,
    notify: Notify,
    on_progress: OnProgress,
) -> "list[EvaluationRow]":
    """The figures of a cross-validation on a two-camera set: checkpoint k on fold k, the queries of all pooled.

    They are kept beside the first checkpoint.
    """
    need_torch()
    from training.datasets.two_camera import FOLDS
    from training.encoder.checkpoint import load_network
    from training.encoder.distributed import distributed_context
    from training.encoder.precision import choose_precision
    from training.evaluation.protocols import EvaluationConditions, evaluate_folds

    if len(checkpoints) != FOLDS:
        raise ConfigError(f"{len(checkpoints)} checkpoints for {FOLDS} folds (give one of each fold, in their order)")
    networks = [load_network(path, feature) for path in checkpoints]
    network, origin, _ = networks[0]
    folds = [
        _open_fold(path, loaded, networks[0], f"two-camera/fold{number}:{folder}", priors_folder)
        for number, (path, loaded) in enumerate(zip(checkpoints, networks, strict=True), 1)
    ]
    rows: list[EvaluationRow] = []
    with distributed_context() as context:
        precision = choose_precision("fp32", context.device)  # bfloat16 turns vectors by up to 20 degrees
        notify(f"{sum(len(fold.data.query) for fold in folds)} queries in {FOLDS} folds; {precision}")
        for prior_mode in _prior_modes(folds[0]):
            vectors = [
                vectors_of(each.to(context.device), _size(theirs.model), fold, prior_mode, precision, on_progress)
                for (each, theirs, _), fold in zip(networks, folds, strict=True)
            ]
            conditions = EvaluationConditions(
                str(folds[0].data.fingerprint()),
                network.test_feature,
                prior_mode,
                _seeds({"training": origin.seed}, prior_mode),
            )
            rows += evaluate_folds([fold.data for fold in folds], vectors, conditions)
    _keep(checkpoints[0], networks[0], folds[0], rows)
    return rows


def evaluation_rows(
    network: "ReidNetwork",
    size_hw: Size,
    prepared: PreparedSet,
    prior_mode: "PriorMode",
    precision: "Precision",
    seeds: Mapping[str, int],
    *,
    more: bool = False,
    on_progress: OnProgress = lambda images: None,
) -> "list[EvaluationRow]":
    """The rows of a network in evaluation mode on a data set, with one prior mode."""
    from training.datasets.base import Protocol
    from training.evaluation.protocols import EvaluationConditions, evaluate_features
    from training.evaluation.rerank import ReRanking

    data = prepared.data
    query, gallery = vectors_of(network, size_hw, prepared, prior_mode, precision, on_progress)
    conditions = EvaluationConditions(str(data.fingerprint()), network.test_feature, prior_mode, seeds)
    rows = evaluate_features(data, query, gallery, conditions)
    if more and data.protocol is Protocol.IMAGE_TO_IMAGE:
        rows += evaluate_features(data, query, gallery, conditions, remove_camera_bias=True)
        rows += evaluate_features(data, query, gallery, conditions, reranking=ReRanking())
    return rows


def vectors_of(
    network: "ReidNetwork",
    size_hw: Size,
    prepared: PreparedSet,
    prior_mode: "PriorMode",
    precision: "Precision",
    on_progress: OnProgress,
) -> "tuple[Features, Features]":
    """The vectors of queries and gallery."""
    from training.evaluation.features import extract

    query, gallery = (
        extract(network, images, size_hw, precision, prior_source(prepared, images, prior_mode, size_hw), on_progress)
        for images in (prepared.data.query, prepared.data.gallery)
    )
    return query, gallery


def _open(dataset: str, priors_folder: Path | None, network: "ReidNetwork", model: NetworkSettings) -> PreparedSet:
    prepared = prepare_set(DataSettings(set=dataset, priors=None if priors_folder is None else str(priors_folder)))
    if prepared.priors is not None and not network.takes_priors:
        raise ConfigError(f"--priors: {model.name} takes none")
    if not len(prepared.data.query):
        raise ConfigError(f"{prepared.label} has no queries, so nothing can be measured on it")
    return prepared


def _open_fold(path: Path, loaded: "Loaded", first: "Loaded", dataset: str, priors_folder: Path | None) -> PreparedSet:
    """Open a fold's data; raises ConfigError for another network than fold 1's, or one trained on its queries."""
    network, origin, _ = loaded
    for name in ("model", "recipe", "start", "teacher", "sets"):
        if getattr(origin, name) != getattr(first.origin, name):
            raise ConfigError(f"{path} has another {name} than that of fold 1: folds of one thing are pooled")
    prepared = _open(dataset, priors_folder, network, origin.model)
    seen = trained_queries(origin, prepared)
    if seen:
        raise ConfigError(f"{path} was trained on '{seen[0]}', which {prepared.data.version} holds out")
    return prepared


def trained_queries(origin: "Origin", prepared: PreparedSet) -> list[str]:
    """List the vehicle of every query whose vehicle a network was trained on; sorted."""
    known: set[str] = set()
    for number, label in enumerate(origin.sets, 1):
        if label == prepared.label:
            known |= set(_identities_of(number, origin))
    return sorted(identity for identity in prepared.data.query.identities.tolist() if identity in known)


def _identities_of(number: int, origin: "Origin") -> list[str]:
    """List a set's own identities, without the number that distinguishes several sets trained on together."""
    if len(origin.sets) == 1:
        return list(origin.identities)
    return [name for head, _, name in (each.partition("/") for each in origin.identities) if head == str(number)]


def _prior_modes(prepared: PreparedSet) -> "tuple[PriorMode, ...]":
    from training.priors.cache import PriorMode

    return get_args(PriorMode) if prepared.priors is not None else ("no-prior",)


def _seeds(seeds: Mapping[str, int], prior_mode: "PriorMode") -> dict[str, int]:
    return {**seeds} | ({"shuffle": SHUFFLE_SEED} if prior_mode == "shuffled-prior" else {})


def _size(model: NetworkSettings) -> Size:
    return model.height, model.width


def _keep(
    checkpoint: Path, loaded: "Loaded", prepared: PreparedSet, rows: "Sequence[EvaluationRow]", seen: int = 0
) -> None:
    """Beside the checkpoint, for tables; where that cannot be, the figures are shown all the same."""
    from embed.network.network import parameter_counts
    from training.datasets.base import Protocol
    from training.encoder.checkpoint import CheckpointError, write_atomically
    from training.encoder.recipe import described
    from training.evaluation.protocols import encode_trials
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
        priors_by="" if prepared.priors is None else prepared.priors.metadata.maker,
        tested=prepared.label,
        rows=tuple(rows),
        checkpoint=short_digest(checkpoint),
        seen=seen,
    )
    data = prepared.data
    try:
        keep_evaluation(checkpoint.parent, evaluation)
        if data.protocol is Protocol.TEN_TRIALS:
            write_atomically(checkpoint.parent / f"trials-{data.name}.json", encode_trials(data))
    except CheckpointError as error:
        logger.warning("the figures are not kept for tables: %s", error)
