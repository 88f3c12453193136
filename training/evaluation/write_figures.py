"""The figures of a trained encoder on a data set, as files."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.errors import ConfigError
from training.datasets.prepared import need_torch, prepare_set, prior_source
from training.encoder.config import DataSettings
from training.evaluation.evaluate import vectors_of

if TYPE_CHECKING:
    from training.datasets.base import ImageSet
    from training.datasets.prepared import PreparedSet
    from training.evaluation.figures import FigureNetwork
    from training.priors.cache import PriorMode

SHOWN = 8
"""Rows of a figure."""


def write_figures(
    checkpoint: Path, dataset: str, priors: Path | None, beside: Path | None, out: Path, seed: int
) -> list[Path]:
    """Write what can be drawn: the matches, where the network looks (and `beside`), and the priors, where given.

    Images are drawn with `seed`. Raises ConfigError.
    """
    need_torch()
    from embed.network.msinet import MsiNet
    from training.encoder.checkpoint import load_network
    from training.encoder.precision import choose_precision
    from training.evaluation.figures import activation_figure, match_figure, prior_figure
    from training.evaluation.image_sheet import write_sheet

    prepared = prepare_set(DataSettings(set=dataset, priors=None if priors is None else str(priors)))
    data = prepared.data
    if not len(data.query):
        raise ConfigError(f"{prepared.label} has no queries to make figures of")
    rows = np.sort(np.random.default_rng(seed).permutation(len(data.query))[:SHOWN])
    query = data.query.select(rows)
    network, origin, _ = load_network(checkpoint)
    prior_mode: PriorMode = "with-prior" if prepared.priors is not None and network.takes_priors else "no-prior"
    precision = choose_precision("fp32", next(network.parameters()).device)
    size_hw = (origin.model.height, origin.model.width)
    asked, kept = vectors_of(network, size_hw, prepared, prior_mode, precision, lambda images: None)
    written = [out / "matches.png"]
    write_sheet(written[0], match_figure(query, asked[rows], data.gallery, kept))
    known = [] if prepared.priors is None else [prepared.priors[name] for name in query.names.tolist()]
    watched = [_figure_network(path, prepared, query) for path in (beside, checkpoint) if path is not None]
    if all(isinstance(each.network, MsiNet) for each in watched):
        written.append(out / "activations.png")
        write_sheet(written[-1], activation_figure(query, watched, known))
    if known:
        written.append(out / "priors.png")
        write_sheet(written[-1], prior_figure(query, known))
    return written


def _figure_network(checkpoint: Path, prepared: "PreparedSet", query: "ImageSet") -> "FigureNetwork":
    from training.encoder.checkpoint import load_network
    from training.evaluation.figures import FigureNetwork

    network, origin, _ = load_network(checkpoint)
    size_hw = (origin.model.height, origin.model.width)
    source = prior_source(prepared, query, "with-prior", size_hw) if network.takes_priors else None
    return FigureNetwork(origin.model.name, network, size_hw, source)  # type: ignore[arg-type]  # checked by the caller
