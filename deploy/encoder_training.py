"""From the configuration of a training to the job that is run, and from a checkpoint to its figures."""

import threading
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from deploy.encoder_config import EncoderConfig
from deploy.session import stops_on_signal
from ingest.clock import SystemClock
from ingest.errors import ConfigError

# What needs torch is imported by the functions, when they are sure to need it.

if TYPE_CHECKING:
    from embed.network.network import ReidNetwork
    from training.augment import PriorSource
    from training.datasets.base import ImageSet, ReidData
    from training.journal import Standing
    from training.precision import Precision
    from training.prior_cache import PriorCache, PriorRow
    from training.retrieval_protocols import Row
    from training.trainer import Job, Trainer

SHUFFLE_SEED = 0
"""Whose prior an image gets in the rows of shuffled priors."""

Told = Callable[[str], None]


def need_torch() -> None:
    """Raises ConfigError where torch is not installed, which only training needs."""
    if find_spec("torch") is None:
        raise ConfigError("encoders are trained with PyTorch, which is not installed (pip install 'corridor[train]')")


def train_encoder(config: EncoderConfig, *, resume: bool, say: Told, report: "Callable[[Standing], None]") -> "Trainer":
    """Train as configured, until done or asked to stop; of several processes only the leading one says anything."""
    need_torch()
    from training.loop import Watch, train
    from training.precision import choose_precision
    from training.processes import joined

    data, priors = _open(config.data.train, config.data.priors)
    job = _job(config, data, priors)
    stop = threading.Event()
    with joined() as place, stops_on_signal(stop.set):
        precision = choose_precision(config.precision, place.device)
        if place.leads:
            several = f"; {place.processes} processes" if place.processes > 1 else ""
            say(f"{len(data.train)} images of {len(job.origin.identities)} vehicles; {precision}{several}")
        validate = _validation(config, data, priors, precision) if config.data.validate_every else None
        watch = Watch(SystemClock(), report=report, stopped=stop.is_set, validate=validate)
        return train(job, place, precision, watch, resume=resume)


def evaluate_encoder(
    checkpoint: Path, dataset: str, priors_folder: Path | None, *, more: bool, say: Told, tell: Callable[[int], None]
) -> "list[Row]":
    """The figures of a checkpoint's network: with priors every way of telling them, `more` also post-processed."""
    need_torch()
    from training.checkpoint import load_network
    from training.precision import choose_precision
    from training.prior_cache import PriorRow
    from training.processes import joined

    network, origin = load_network(checkpoint)
    data, priors = _open(dataset, None if priors_folder is None else str(priors_folder))
    if priors is not None and not network.takes_priors:
        raise ConfigError(f"--priors: {origin.model.name} takes none")
    with joined() as place:
        precision = choose_precision("auto", place.device)
        say(f"{len(data.query)} queries in {len(data.gallery)} images; {precision}")
        network.to(place.device)
        size_hw = (origin.model.height, origin.model.width)
        rows: list[Row] = []
        for told in get_args(PriorRow) if priors is not None else ("no-prior",):
            seeds = {"training": origin.seed} | ({"shuffle": SHUFFLE_SEED} if told == "shuffled-prior" else {})
            rows += _figures(network, size_hw, data, priors, told, precision, seeds, more=more, tell=tell)
        return rows


def _open(spec: str, priors: str | None) -> "tuple[ReidData, PriorCache | None]":
    from training.datasets.images import without_corrupt
    from training.datasets.opening import open_dataset
    from training.prior_cache import PriorCache

    data = open_dataset(spec)
    cache = None
    if priors is not None:
        cache = PriorCache.open(Path(priors))
        cache.check(data)
    return without_corrupt(data), cache


def _job(config: EncoderConfig, data: "ReidData", priors: "PriorCache | None") -> "Job":
    from training.checkpoint import Origin
    from training.datasets.base import IdentityMap, fingerprint, need
    from training.trainer import Job

    images = need(data.train, f"the training set of {data.name}")
    if priors is not None and config.model.name != "grl":
        raise ConfigError(f"data.priors: {config.model.name} takes none (leave the key out)")
    origin = Origin(
        model=config.model,
        recipe=config.recipe,
        seed=config.seed,
        data=f"{fingerprint(images)}" + ("" if priors is None else f", priors by {priors.about.maker}"),
        identities=IdentityMap.of(images).identities,
    )
    size_hw = (config.model.height, config.model.width)
    source = _source(priors, images, "with-prior", size_hw)
    every = config.data.validate_every or config.recipe.epochs
    return Job(images, source, origin, config.folder, config.checkpoint_every_s, every)


def _source(
    priors: "PriorCache | None", images: "ImageSet", told: "PriorRow", size_hw: tuple[int, int]
) -> "PriorSource | None":
    from training.prior_cache import prior_source

    if priors is None:
        return None
    return prior_source(priors, images, told, (size_hw[1], size_hw[0]), np.random.default_rng(SHUFFLE_SEED))


def _validation(
    config: EncoderConfig, data: "ReidData", priors: "PriorCache | None", precision: "Precision"
) -> "Callable[[ReidNetwork], Mapping[str, float]]":
    """Rank 1 and mean average precision of the data set's own queries, of its first row of figures."""
    if not len(data.query):
        raise ConfigError(f"data.validate_every: {data.name} has no queries")
    size_hw = (config.model.height, config.model.width)

    def validate(network: "ReidNetwork") -> Mapping[str, float]:
        told: Literal["with-prior", "no-prior"] = "no-prior" if priors is None else "with-prior"
        rows = _figures(network, size_hw, data, priors, told, precision, {}, more=False, tell=lambda images: None)
        metrics = rows[0].metrics
        return {"rank1": metrics.cmc[1]} | ({} if metrics.mean_ap is None else {"mAP": metrics.mean_ap})

    return validate


def _figures(
    network: "ReidNetwork",
    size_hw: tuple[int, int],
    data: "ReidData",
    priors: "PriorCache | None",
    told: "PriorRow",
    precision: "Precision",
    seeds: Mapping[str, int],
    *,
    more: bool,
    tell: Callable[[int], None],
) -> "list[Row]":
    from training.datasets.base import Protocol
    from training.features import extract
    from training.rerank import ReRanking
    from training.retrieval_protocols import About, evaluate_features

    query, gallery = (
        extract(network, images, size_hw, precision, _source(priors, images, told, size_hw), tell)
        for images in (data.query, data.gallery)
    )
    about = About(str(data.fingerprint()), network.test_feature, told, seeds)
    rows = evaluate_features(data, query, gallery, about)
    if more and data.protocol is Protocol.IMAGE_TO_IMAGE:
        rows += evaluate_features(data, query, gallery, about, remove_camera_bias=True)
        rows += evaluate_features(data, query, gallery, about, reranking=ReRanking())
    return rows
