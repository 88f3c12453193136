"""One table of many evaluated networks: mean and deviation over seeds, with all that makes figures comparable."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError
from training.datasets.base import Protocol
from training.evaluation.protocols import EvaluationRow, over_runs
from training.evaluation.published import SOURCE, extractor_parameters, published
from training.evaluation.retrieval import Metrics
from training.evaluation.stored_evaluations import Evaluation
from training.priors.cache import PriorMode

PLAIN: Final = "none"
"""Name of no post-processing in a row."""

POSTS: Final = ("camera mean removed", "re-ranked")

HEADS: Final = (
    *(
        "model",
        "trained on",
        "prior",
        "queries",
        "feature",
        "seeds",
        "parameters: trained",
        "deployed",
        "of who finds priors",
    ),
    *("in-domain mAP", "in-domain R-1", "cross-domain mAP", "cross-domain R-1"),
    *("R-5", "MRR"),
    *(f"mAP, {post}" for post in POSTS),
    "published mAP / R-1",
)

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TableLine:
    """A network as it was trained, with any seeds, with one prior mode, on one data set or subset.

    `about` is one of its evaluations; `rows` its figures over all seeds by what was done to vectors or ranks.
    """

    about: Evaluation
    rows: dict[str, EvaluationRow]

    @property
    def plain(self) -> EvaluationRow:
        """The main figure: nothing done afterwards."""
        return self.rows[PLAIN]


def make_table(evaluations: Sequence[Evaluation]) -> list[TableLine]:
    """All lines, those of one data set together, in the order given; raises ConfigError where a seed comes twice."""
    grouped: dict[Key, list[tuple[Evaluation, EvaluationRow]]] = defaultdict(list)
    for evaluation in evaluations:
        for row in evaluation.rows:
            grouped[_key(evaluation, row)].append((evaluation, row))
    together: dict[Key, dict[str, EvaluationRow]] = defaultdict(dict)
    about: dict[Key, Evaluation] = {}
    for key, pairs in grouped.items():
        first = pairs[0][0]
        seeds = [row.seeds["training"] for _, row in pairs]
        if len(set(seeds)) < len(seeds):
            raise ConfigError(f"two runs are the same {first.model.name} with the same seed on {first.tested}")
        *rest, post = key
        about[tuple(rest)] = first
        together[tuple(rest)][post] = over_runs([row for _, row in pairs])
    lines = [TableLine(about[key], rows) for key, rows in together.items() if PLAIN in rows]
    tested = list(dict.fromkeys(line.about.tested for line in lines))
    modes = get_args(PriorMode)

    def place(line: TableLine) -> tuple[int, int, int]:
        return tested.index(line.about.tested), _model(line, lines), modes.index(line.plain.prior)

    return sorted(lines, key=place)


def _model(line: TableLine, lines: Sequence[TableLine]) -> int:
    return next(place for place, each in enumerate(lines) if _trained(each.about) == _trained(line.about))


def _trained(evaluation: Evaluation) -> Key:
    it = evaluation
    return (repr(it.model), it.recipe, *it.sets, it.start, it.teacher, it.priors_by)


def _key(evaluation: Evaluation, row: EvaluationRow) -> Key:
    return (*_trained(evaluation), evaluation.tested, row.version, row.subset, row.prior, row.post)


def to_markdown(lines: Sequence[TableLine]) -> str:
    """A table for every data set, under what its figures were computed on; percent, without columns that are empty."""
    text: list[str] = []
    for heading in dict.fromkeys(_heading(line) for line in lines):
        rows = [_cells(line) for line in lines if _heading(line) == heading]
        shown = [column for column in range(len(HEADS)) if any(row[column] for row in rows)]
        table = [HEADS, ["---"] * len(HEADS), *rows]
        text += [heading, "", *(_joined([row[column] for column in shown]) for row in table), ""]
    return "\n".join(
        [*text, f"Mean ± standard deviation over the seeds, or, with one, over the trials. Published: {SOURCE}.", ""]
    )


def _heading(line: TableLine) -> str:
    row = line.plain
    version = f", {row.version}" if row.version else ""
    return f"**{line.about.tested}**: {row.protocol}{version}, {row.gallery} images searched"


def _joined(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(line: TableLine) -> list[str]:
    about, row = line.about, line.plain
    figures = [_percent(row, "mean_ap"), _percent(row, "rank1")]
    nothing = ["", ""]
    found = extractor_parameters(about.priors_by if row.prior != "no-prior" else "")
    beside = published(about.model.name, row)
    return [
        _model_name(about.model),
        _trained_on(about),
        row.prior,
        f"{row.subset} ({', '.join(_counts(about, row))})",
        row.feature,
        ", ".join(map(str, row.seeds["training"])),
        f"{about.parameters_trained:,}",
        f"{about.parameters_deployed:,}",
        f"{found:,}" if found is not None else "not known",
        *(figures + nothing if about.in_domain else nothing + figures),
        *([_percent(row, "rank5"), _percent(row, "mrr")] if row.protocol == Protocol.TEN_TRIALS else nothing),
        *(_percent(line.rows[post], "mean_ap") if post in line.rows else "" for post in POSTS),
        "" if beside is None else f"{beside}",
    ]


def _counts(about: Evaluation, row: EvaluationRow) -> list[str]:
    """Number of queries, of those skipped, and of those trained on: a network finds these again more easily."""
    skipped = [f"{row.skipped} skipped"] if row.skipped else []
    return [str(row.queries), *skipped, *([f"{about.seen} of all trained on"] if about.seen else [])]


def _model_name(model: NetworkSettings) -> str:
    fusion = f" {model.fusion}" if model.name == "grl" else ""
    return f"{model.name}{fusion}, {model.height}x{model.width}"


def _trained_on(about: Evaluation) -> str:
    sets = " + ".join(label.partition(" (")[0] for label in about.sets)
    taught = f"; taught by {about.teacher}" if about.teacher else ""
    return f"{sets}{taught}" + (f"; from {about.start}" if about.start else "") + f"; {about.recipe}"


def _percent(row: EvaluationRow, name: str) -> str:
    value = _value(row.metrics, name)
    if value is None:
        return ""
    deviation = None if row.deviation is None else _value(row.deviation, name)
    return f"{100 * value:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")


def _value(metrics: Metrics, name: str) -> float | None:
    return {"rank1": metrics.cmc[1], "rank5": metrics.cmc[5], "mrr": metrics.mrr, "mean_ap": metrics.mean_ap}[name]


def to_json(lines: Sequence[TableLine]) -> list[dict[str, Any]]:
    """One entry a line and post-processing, with everything that the Markdown has and all metrics."""
    entries = []
    for line in lines:
        about = line.about
        for row in line.rows.values():
            beside = published(about.model.name, row)
            entries.append(
                {
                    "model": about.model,
                    "recipe": about.recipe,
                    "trained_on": about.sets,
                    "start": about.start,
                    "teacher": about.teacher,
                    "parameters": {
                        "trained": about.parameters_trained,
                        "deployed": about.parameters_deployed,
                        "prior_extractors": extractor_parameters(about.priors_by if row.prior != "no-prior" else ""),
                    },
                    "priors_by": about.priors_by,
                    "tested": about.tested,
                    "domain": "in" if about.in_domain else "cross",
                    "row": row,
                    "published": None
                    if beside is None
                    else {"dataset": row.dataset, "rank1": beside.rank1, "mAP": beside.mean_ap, "source": SOURCE},
                }
            )
    return entries
