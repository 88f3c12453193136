"""The protocols by which data sets are evaluated, and the rows of results that come of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from ingest.errors import ConfigError
from training.datasets.base import ImageSet, Protocol, ReidData, concatenated
from training.evaluation.rerank import ReRanking, reranked, without_camera_bias
from training.evaluation.retrieval import (
    Features,
    Metrics,
    Ranking,
    Rows,
    cosine,
    metrics_of,
    pooled,
    rank,
    rows_by_identity,
)

TRIALS = 10
TRIAL_SEED = 0


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """A row of a table of results, with all that must be known to compare it.

    `feature` is which of a network's vectors; `prior` its prior mode (`with-prior`,
    `box-only`, `no-prior`, `shuffled-prior`); `post` what was done to vectors or ranks afterwards; `seeds` by what
    they seeded. `queries` counts those that were not `skipped`; in ten trials, both and `gallery` are of one trial.
    `deviation`: over trials, or over the runs that `over_runs` took together.
    """

    dataset: str
    version: str
    fingerprint: str
    protocol: str
    subset: str
    feature: str
    prior: str
    post: str
    seeds: Mapping[str, tuple[int, ...]]
    queries: int
    skipped: int
    gallery: int
    metrics: Metrics
    deviation: Metrics | None = None

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class EvaluationConditions:
    """Conditions of an evaluation, from its caller; see `EvaluationRow`. `fingerprint` is `str(data.fingerprint())`."""

    fingerprint: str
    feature: str
    prior: str = "no-prior"
    seeds: Mapping[str, int] = field(default_factory=dict)


def evaluate_features(
    data: ReidData,
    query: Features,
    gallery: Features,
    conditions: EvaluationConditions,
    *,
    remove_camera_bias: bool = False,
    reranking: ReRanking | None = None,
    trial_seed: int = TRIAL_SEED,
) -> list[EvaluationRow]:
    """A row for the whole data set and one for every subset, by the data set's own protocol.

    Rows of `query` and `gallery` belong to the images of `data`. Raises ConfigError where the numbers differ, a value
    is not finite, no query can be answered, or a post-process does not fit the protocol.
    """
    query, gallery = _normalised(query, len(data.query)), _normalised(gallery, len(data.gallery))
    post = [name for name, on in (("camera mean removed", remove_camera_bias), ("re-ranked", reranking)) if on]
    if data.protocol is Protocol.TEN_TRIALS:
        if post:
            raise ConfigError(f"{data.name}: '{post[0]}' is not defined for its protocol of {TRIALS} trials")
        return _evaluate_trials(data, query, conditions, trial_seed)
    if remove_camera_bias:
        query, gallery = without_camera_bias(query, data.query.cameras, gallery, data.gallery.cameras)
    alike = cosine(query, gallery) if reranking is None else reranked(query, gallery, reranking)
    ranking = rank(alike, data.query, data.gallery)
    return rows_of(data, ranking, conditions, post=" + ".join(post))


def rows_of(
    data: ReidData, ranking: Ranking, conditions: EvaluationConditions, *, post: str = ""
) -> list[EvaluationRow]:
    """The rows of an image-to-image ranking of the data set's queries: of all, and of every subset."""
    asked = {"": np.arange(len(data.query)), **data.subsets}
    return [
        _row(data, conditions, name, post, ranking.select(rows), len(data.gallery))
        for name, rows in asked.items()
        if len(rows)
    ]


def evaluate_folds(
    folds: Sequence[ReidData], vectors: Sequence[tuple[Features, Features]], conditions: EvaluationConditions
) -> list[EvaluationRow]:
    """The rows of a cross-validation: every fold's queries in its own gallery by its own network, pooled.

    `vectors` are (query, gallery) of every fold. Image-to-image only; raises ConfigError as `evaluate_features` does.
    """
    rankings = []
    subsets: dict[str, list[int]] = {}
    offset = 0
    for data, (query, gallery) in zip(folds, vectors, strict=True):
        query, gallery = _normalised(query, len(data.query)), _normalised(gallery, len(data.gallery))
        rankings.append(rank(cosine(query, gallery), data.query, data.gallery))
        for name, rows in data.subsets.items():
            subsets.setdefault(name, []).extend((rows + offset).tolist())
        offset += len(data.query)
    whole = replace(
        folds[0],
        query=concatenated([data.query for data in folds]),
        version=f"{len(folds)} folds pooled",
        subsets={name: np.array(rows, np.int64) for name, rows in sorted(subsets.items())},
    )
    return rows_of(whole, pooled(rankings), conditions)


def over_runs(rows: Sequence[EvaluationRow]) -> EvaluationRow:
    """The same row of several runs, with other seeds, as one: mean, and standard deviation over the runs.

    A single run keeps its own deviation, which is that over trials. Raises ValueError where they differ in more than
    seeds and metrics.
    """
    if len(rows) == 1:
        return rows[0]
    first, each = rows[0], [row.metrics for row in rows]
    for row in rows:
        if replace(row, seeds=first.seeds, metrics=first.metrics, deviation=first.deviation) != first:
            raise ValueError(f"rows of different things: {row.to_json()} and {first.to_json()}")
    seeds = {name: tuple(seed for row in rows for seed in row.seeds[name]) for name in first.seeds}
    return replace(first, seeds=seeds, metrics=_over(each, np.mean), deviation=_over(each, np.std))


def trials(images: ImageSet, seed: int, count: int = TRIALS) -> list[tuple[Rows, Rows]]:
    """Rows of (query, gallery) of VehicleID's trials: of each identity one at random into the gallery."""
    rng = np.random.default_rng(seed)
    by_identity = list(rows_by_identity(images).values())
    chosen = [np.sort([rng.choice(rows) for rows in by_identity]).astype(np.int64) for _ in range(count)]
    everything = np.arange(len(images))
    return [(np.setdiff1d(everything, gallery), gallery) for gallery in chosen]


def encode_trials(data: ReidData, seed: int = TRIAL_SEED) -> bytes:
    """The galleries of every subset's trials by image names, JSON, so that others can repeat them."""
    galleries = {
        name: [images.names[gallery].tolist() for _, gallery in trials(images, seed)]
        for name, images in _tested(data).items()
    }
    return (json.dumps({"seed": seed, "galleries": galleries}, indent=0) + "\n").encode()


def _tested(data: ReidData) -> dict[str, ImageSet]:
    return {name: data.query.select(rows) for name, rows in (data.subsets or {"": np.arange(len(data.query))}).items()}


def _evaluate_trials(
    data: ReidData, features: Features, conditions: EvaluationConditions, seed: int
) -> list[EvaluationRow]:
    rows = []
    conditions = replace(conditions, seeds={**conditions.seeds, "trials": seed})
    for name, images in _tested(data).items():
        own = features if not name else features[data.subsets[name]]
        trial_rows = []
        for asked, kept in trials(images, seed):
            ranking = rank(cosine(own[asked], own[kept]), images.select(asked), images.select(kept))
            trial_rows.append(_row(data, conditions, name, "", ranking, len(kept)))
        each = [row.metrics for row in trial_rows]
        rows.append(replace(trial_rows[0], metrics=_over(each, np.mean), deviation=_over(each, np.std)))
    return rows


def _over(each: list[Metrics], how: Callable[[list[float]], np.floating]) -> Metrics:
    def of(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(how(known)) if known else None

    return Metrics(
        cmc={up_to: float(how([metrics.cmc[up_to] for metrics in each])) for up_to in each[0].cmc},
        mrr=float(how([metrics.mrr for metrics in each])),
        mean_ap=of([metrics.mean_ap for metrics in each]),
        mean_inp=of([metrics.mean_inp for metrics in each]),
    )


def _row(
    data: ReidData, conditions: EvaluationConditions, subset: str, post: str, ranking: Ranking, gallery: int
) -> EvaluationRow:
    skipped = int((ranking.first == 0).sum())
    trial = data.protocol is Protocol.TEN_TRIALS
    return EvaluationRow(
        dataset=data.name,
        version=data.version,
        fingerprint=conditions.fingerprint,
        protocol=data.protocol.value,
        subset=subset or "all",
        feature=conditions.feature,
        prior=conditions.prior,
        post=post or "none",
        seeds={name: (seed,) for name, seed in conditions.seeds.items()},
        queries=len(ranking.first) - skipped,
        skipped=skipped,
        gallery=gallery,
        metrics=metrics_of(ranking, f"{data.name} {subset}".strip(), single=trial),
    )


def _normalised(features: Features, count: int) -> Features:
    if len(features) != count:
        raise ConfigError(f"{len(features)} vectors for {count} images")
    lengths = np.linalg.norm(features.astype(np.float32), axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise ConfigError(f"{int((~np.isfinite(lengths)).sum())} of {count} vectors are not finite")
    return np.asarray(features / np.maximum(lengths, 1e-12), np.float32)
