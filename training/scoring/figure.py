"""The scores of a run as one figure: by camera, over decision delay, and how far its probabilities can be trusted."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ingest.errors import ConfigError
from training.scoring.reliability import Reliability
from training.scoring.report import RunScores

BLUE, ORANGE, GREEN, PURPLE, GRAY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
"""Colours that everybody can distinguish (Okabe and Ito 2008); marks differ in shape as well."""
ENDINGS = (".png", ".svg", ".pdf")
ROW_IN = 0.24
"""Height of a camera's row, inches."""


def draw(scores: RunScores, path: Path) -> None:
    """Write the figure; raises ConfigError for a path that no figure can be written to."""
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(f"the figure {path}: expected a name that ends in {', '.join(ENDINGS)}")
    height_in = max(3.6, 1.3 + ROW_IN * (len(scores.cameras) + 1 + len(scores.baselines)))
    figure = Figure(figsize=(12.5, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    by_camera, by_delay, by_probability = figure.subplots(1, 3, width_ratios=(1.15, 1.15, 1))
    _draw_scores(by_camera, scores)
    _draw_delays(by_delay, scores)
    _draw_reliability(by_probability, scores.probabilities.get("links"))
    for axes in (by_camera, by_delay, by_probability):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise ConfigError(f"cannot write the figure {path}: {error.strerror}") from error


def _draw_scores(axes: Axes, scores: RunScores) -> None:
    rows = list(scores.cameras.items())
    if scores.together is not None:
        rows.append(("together", scores.together))
    rows += [(f"{it.name} {it.floor:g}", it.together) for it in scores.baselines]
    places = list(range(len(rows)))
    marks = (
        ("IDF1", "o", BLUE, [each.idf1 for _, each in rows]),
        ("HOTA", "s", ORANGE, [each.hota for _, each in rows]),
        ("MOTA", "^", GREEN, [each.mota for _, each in rows]),
    )
    for name, mark, colour, values in marks:
        # Far below zero nothing can be read anyway; the table has the number.
        clipped = [max(0.0, value) for value in values]
        axes.plot(clipped, places, mark, color=colour, label=name, markersize=6, alpha=0.9, clip_on=False)
    if scores.together is not None:
        axes.axhline(len(scores.cameras) - 0.5, color=GRAY, linewidth=0.8)
    axes.set_yticks(places, [name for name, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    _title(axes, "Scores of each camera and of all together")
    _legend_below(axes, 3)


def _draw_delays(axes: Axes, scores: RunScores) -> None:
    _title(axes, "Identities as known a while after leaving")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("seconds since the vehicle left the view")
    if not scores.delays:
        _say_nothing(axes, "no decisions in more than one camera")
        return
    places = list(range(len(scores.delays)))
    nan = math.nan
    lines: Sequence[tuple[str, str, str, list[float]]] = (
        ("IDF1", "o-", BLUE, [it.idf1 for it in scores.delays]),
        ("link precision", "D--", PURPLE, [it.precision.value if it.precision else nan for it in scores.delays]),
        ("link recall", "v--", GREEN, [it.recall.value if it.recall else nan for it in scores.delays]),
    )
    for name, style, colour, values in lines:
        width = 2.2 if name == "IDF1" else 1.2
        axes.plot(places, values, style, color=colour, label=name, linewidth=width, markersize=5)
    for it in scores.baselines:
        dots = ":" if "best" in it.name else "-."
        axes.axhline(it.together.idf1, color=GRAY, linestyle=dots, label=f"IDF1, {it.name} {it.floor:g}")
    axes.set_xticks(places, [it.when for it in scores.delays])
    _legend_below(axes, 3 if not scores.baselines else 2)


def _draw_reliability(axes: Axes, it: Reliability | None) -> None:
    _title(axes, "Calibration: how often links are right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("stated probability")
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=1, linestyle="--")
    if it is None:
        _say_nothing(axes, "no link states a probability")
        return
    largest = max(each.right.trials for each in it.bins)
    for each in it.bins:
        share = each.right.trials / largest
        axes.bar((each.low + each.high) / 2, 0.22 * share, each.high - each.low, color=BLUE, alpha=0.15)
    values = [each.right.value for each in it.bins]
    below = [max(0.0, each.right.value - each.right.low) for each in it.bins]
    above = [max(0.0, each.right.high - each.right.value) for each in it.bins]
    stated = [each.stated for each in it.bins]
    axes.errorbar(stated, values, [below, above], fmt="o", color=BLUE, capsize=3, markersize=5, clip_on=False)
    summary = f"{it.right.trials} links\nECE {it.ece:.3f}\nBrier {it.brier:.3f}"
    plain = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2}
    axes.text(0.97, 0.05, summary, transform=axes.transAxes, ha="right", va="bottom", bbox=plain)


def _title(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)


def _legend_below(axes: Axes, columns: int) -> None:
    below = -0.58 / axes.figure.get_figheight()  # type: ignore[union-attr]  # inches, below the axis's own label
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, below), ncols=columns, frameon=False, fontsize=9)


def _say_nothing(axes: Axes, reason: str) -> None:
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", color=GRAY)
