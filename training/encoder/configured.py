"""Configuration of a training to its training spec and its run."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embed.network.settings import NetworkSettings
from ingest.clock import SystemClock
from ingest.digest import short_digest
from ingest.errors import ConfigError, WeightsError
from ingest.signals import stops_on_signal
from training.datasets.prepared import Notify, PreparedSet, need_torch, prepare_set, united_priors, united_targets
from training.encoder.config import DataSettings, EncoderConfig

# What needs torch is imported by the functions, when they are sure to need it.

if TYPE_CHECKING:
    from embed.network.network import ReidNetwork
    from training.datasets.base import ImageSet
    from training.encoder.distributed import DistributedContext
    from training.encoder.journal import TrainingProgress
    from training.encoder.trainer import Trainer, TrainingSpec
    from training.priors.cache import PriorMode


def train_encoder(
    config: EncoderConfig, *, resume: bool, notify: Notify, report: "Callable[[TrainingProgress], None]"
) -> "Trainer":
    """Train as configured, until done or asked to stop; of several processes only the leading one says anything."""
    need_torch()
    from training.encoder.distributed import distributed_context
    from training.encoder.loop import TrainingCallbacks, train
    from training.encoder.precision import choose_precision

    spec = make_training_spec(config, [prepare_set(each) for each in config.data])
    stop = threading.Event()
    with distributed_context() as context, stops_on_signal(stop.set):
        precision = choose_precision(config.precision, context.device)
        if context.is_leader:
            several = f"; {context.processes} processes" if context.processes > 1 else ""
            notify(f"{len(spec.images)} images of {len(spec.origin.identities)} vehicles; {precision}{several}")
        callbacks = TrainingCallbacks(
            SystemClock(), report=report, stopped=stop.is_set, validate=_validation(config, context)
        )
        return train(spec, context, precision, callbacks, resume=resume)


def make_training_spec(config: EncoderConfig, sets: Sequence[PreparedSet]) -> "TrainingSpec":
    """The training spec of a configuration with opened data sets; raises ConfigError where they do not fit together."""
    from training.datasets.base import IdentityMap, need_images
    from training.datasets.union import united
    from training.encoder.checkpoint import Origin
    from training.encoder.trainer import TrainingSpec

    _check(config, sets)
    images = united([need_images(each.data.train, f"the training set of {each.label}") for each in sets])
    start = None if config.start is None else Path(config.start)
    origin = Origin(
        model=config.model,
        recipe=config.recipe,
        seed=config.seed,
        data=" + ".join(_describe_data(each) for each in sets),
        identities=IdentityMap.of(images).identities,
        sets=tuple(each.label for each in sets),
        start="" if start is None else _first_weights(start),
        teacher=" + ".join(
            sorted({each.teacher_vectors.metadata.teacher for each in sets if each.teacher_vectors is not None})
        ),
    )
    return TrainingSpec(
        images,
        united_priors(sets, (config.model.height, config.model.width)),
        origin,
        config.folder,
        config.checkpoint_every_s,
        validate_every=config.recipe.epochs if config.validation is None else config.validation.every,
        targets=united_targets(sets),
        times=_times(images, sets),
        start=start,
    )


def _check(config: EncoderConfig, sets: Sequence[PreparedSet]) -> None:
    from training.datasets.base import UNKNOWN_IDENTITY

    model, recipe = config.model, config.recipe
    if recipe.schedule == "steps" and not recipe.milestones:
        raise ConfigError("recipe.milestones: schedule 'steps' lowers the rate at these epochs, and there are none")
    if model.projection is not None:
        raise ConfigError("model.projection: fitted to an export by corridor encoder project (leave the key out)")
    if model.name != "grl":
        if config.validation is not None and config.validation.priors is not None:
            raise ConfigError(f"validation.priors: {model.name} takes none (leave the key out)")
        plain = NetworkSettings()
        for key in ("fusion", "prior_channels", "adaptor_order"):
            if getattr(model, key) != getattr(plain, key):
                raise ConfigError(f"model.{key}: only of grl, and this is {model.name} (leave the key out)")
    for number, each in enumerate(sets):
        if each.priors is not None and config.model.name != "grl":
            raise ConfigError(f"data[{number}].priors: {config.model.name} takes none (leave the key out)")
        untaught = each.teacher_vectors is None and not recipe.agree_weight
        if untaught and (each.data.train.identities == UNKNOWN_IDENTITY).any():
            raise ConfigError(
                f"data[{number}]: nobody knows whose the images of {each.label} are, so they can be learned from a "
                "teacher, or from two looks of each, only (give `teacher`, a file of corridor encoder teach, or "
                "recipe.agree_weight)"
            )


def _describe_data(prepared: PreparedSet) -> str:
    """Fingerprint of the training images, and what else of their set a training depends on."""
    from training.datasets.base import fingerprint

    priors = "" if prepared.priors is None else f", priors by {prepared.priors.metadata.maker}"
    taught = "" if prepared.teacher_vectors is None else f", taught by {prepared.teacher_vectors.metadata.teacher}"
    often = "" if prepared.times == 1 else f", {prepared.times} times"
    return f"{fingerprint(prepared.data.train)}{priors}{taught}{often}"


def _times(images: "ImageSet", sets: Sequence[PreparedSet]) -> NDArray[np.int64]:
    return np.asarray(np.array([each.times for each in sets], np.int64)[images.extra["set"]])


def _first_weights(checkpoint: Path) -> str:
    """Name and digest of the weights a training begins with; raises ConfigError where they cannot be read."""
    try:
        return f"{checkpoint.parent.name} {short_digest(checkpoint)}"
    except WeightsError as error:
        raise ConfigError(f"start: {error}") from error


def _validation(
    config: EncoderConfig, context: "DistributedContext"
) -> "Callable[[ReidNetwork], Mapping[str, float]] | None":
    """Rank 1 and mean average precision of a data set's own queries, of its first row of figures, as `evaluate` does.

    Raises ConfigError where no query can be answered, which would else be known after the first epoch.
    """
    from training.encoder.precision import choose_precision
    from training.evaluation.evaluate import evaluation_rows
    from training.evaluation.retrieval import answerable

    wanted = config.validation
    if wanted is None:
        return None
    prepared = prepare_set(DataSettings(set=wanted.set, priors=wanted.priors))
    if not len(prepared.data.query):
        raise ConfigError(f"validation.set: {prepared.label} has no queries")
    if not answerable(prepared.data).any():
        raise ConfigError(
            f"validation.set: no query of {prepared.label} has its vehicle by another camera in the gallery"
        )
    size_hw = (config.model.height, config.model.width)
    precision = choose_precision("fp32", context.device)  # bfloat16 turns vectors by up to 20 degrees

    def validate(network: "ReidNetwork") -> Mapping[str, float]:
        prior_mode: PriorMode = "no-prior" if prepared.priors is None else "with-prior"
        metrics = evaluation_rows(network, size_hw, prepared, prior_mode, precision, {})[0].metrics
        return {"rank1": metrics.cmc[1]} | ({} if metrics.mean_ap is None else {"mAP": metrics.mean_ap})

    return validate
