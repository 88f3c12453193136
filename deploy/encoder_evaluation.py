"""From checkpoints to their figures, which are kept beside them for tables."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, get_args

from deploy.encoder_config import DataSettings
from deploy.encoder_data import SHUFFLE_SEED, Opened, Size, Told, need_torch, open_set, prior_source
from embed.network.settings import TestFeature
from ingest.errors import ConfigError

# What needs torch is imported by the functions, when they are sure to need it.

if TYPE_CHECKING:
    from embed.network.network import ReidNetwork
    from training.checkpoint import Origin
    from training.precision import Precision
    from training.prior_cache import PriorRow
    from training.retrieval import Features
    from training.retrieval_protocols import Row

Tell = Callable[[int], None]
Loaded: TypeAlias = "tuple[ReidNetwork, Origin]"
"""What a checkpoint holds."""


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
    from training.checkpoint import load_network
    from training.precision import choose_precision
    from training.processes import joined

    network, origin = load_network(checkpoint, feature)
    opened = _open(dataset, priors_folder, network, origin)
    data = opened.data
    with joined() as place:
        precision = choose_precision("fp32", place.device)  # bfloat16 turns vectors by up to 20 degrees
        say(f"{len(data.query)} queries in {len(data.gallery)} images; {precision}")
        network.to(place.device)
        rows: list[Row] = []
        for told in _ways(opened):
            rows += figures_of(
                network, _size(origin), opened, told, precision, _seeds(origin, told), more=more, tell=tell
            )
    _keep(checkpoint, network, origin, opened, rows)
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
    from training.checkpoint import load_network
    from training.datasets.two_camera import FOLDS
    from training.precision import choose_precision
    from training.processes import joined
    from training.retrieval_protocols import About, evaluate_folds

    if len(checkpoints) != FOLDS:
        raise ConfigError(f"{len(checkpoints)} checkpoints for {FOLDS} folds (give one of each fold, in their order)")
    pairs = [load_network(path, feature) for path in checkpoints]
    network, origin = pairs[0]
    folds = [
        _open_fold(path, pair, pairs[0], f"two-camera/fold{number}:{folder}", priors_folder)
        for number, (path, pair) in enumerate(zip(checkpoints, pairs, strict=True), 1)
    ]
    rows: list[Row] = []
    with joined() as place:
        precision = choose_precision("fp32", place.device)  # bfloat16 turns vectors by up to 20 degrees
        say(f"{sum(len(fold.data.query) for fold in folds)} queries in {FOLDS} folds; {precision}")
        for told in _ways(folds[0]):
            vectors = [
                vectors_of(each.to(place.device), _size(theirs), fold, told, precision, tell)
                for (each, theirs), fold in zip(pairs, folds, strict=True)
            ]
            about = About(str(folds[0].data.fingerprint()), network.test_feature, told, _seeds(origin, told))
            rows += evaluate_folds([fold.data for fold in folds], vectors, about)
    _keep(checkpoints[0], network, origin, folds[0], rows)
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
    from training.rerank import ReRanking
    from training.retrieval_protocols import About, evaluate_features

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
    from training.features import extract

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


def _open_fold(path: Path, pair: "Loaded", first: "Loaded", dataset: str, priors_folder: Path | None) -> Opened:
    """Raises ConfigError where a network is another than the first fold's, or was trained on what it is to find."""
    network, origin = pair
    if (origin.model, origin.recipe) != (first[1].model, first[1].recipe):
        raise ConfigError(f"{path} has another model or recipe than that of fold 1: folds of one thing are pooled")
    opened = _open(dataset, priors_folder, network, origin)
    known = {name.rpartition("/")[2] for name in origin.identities}
    seen = sorted(known & set(opened.data.query.identities.tolist()))
    if seen:
        raise ConfigError(f"{path} was trained on '{seen[0]}', which {opened.data.version} holds out")
    return opened


def _ways(opened: Opened) -> "tuple[PriorRow, ...]":
    from training.prior_cache import PriorRow

    return get_args(PriorRow) if opened.priors is not None else ("no-prior",)


def _seeds(origin: "Origin", told: "PriorRow") -> dict[str, int]:
    return {"training": origin.seed} | ({"shuffle": SHUFFLE_SEED} if told == "shuffled-prior" else {})


def _size(origin: "Origin") -> Size:
    return origin.model.height, origin.model.width


def _keep(checkpoint: Path, network: "ReidNetwork", origin: "Origin", opened: Opened, rows: "Sequence[Row]") -> None:
    from embed.network.network import parameter_counts
    from training.evaluations import Evaluation, keep_evaluation
    from training.recipe import described

    counts = parameter_counts(network)
    evaluation = Evaluation(
        model=origin.model,
        recipe=described(origin.recipe),
        sets=origin.sets,
        start=origin.start,
        teacher=origin.teacher,
        parameters_trained=counts.trained,
        parameters_deployed=counts.deployed,
        priors_by="" if opened.priors is None else opened.priors.about.maker,
        tested=opened.label,
        rows=tuple(rows),
    )
    keep_evaluation(checkpoint.parent, evaluation)
