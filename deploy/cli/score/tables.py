"""The scores of a run as tables for people."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from training.scoring.delay import DelayPoint
    from training.scoring.links import LinkScores, Proportion
    from training.scoring.reliability import Reliability
    from training.scoring.report import RunScores
    from training.scoring.tracking import TrackScores

COLUMNS = ("", "frames", "vehicles", "IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "MOTA", "switches", "frag.")
STATEMENTS = {
    "links": "a complete sighting is linked",
    "new": "a complete sighting is a new vehicle",
    "provisional": "a vehicle in view is linked",
}


def print_scores(scores: "RunScores", console: Console, note: str = "") -> None:
    """Print everything but the bins of the calibration curve, which are in JSON and figure; a note on the rows."""
    table = _table(COLUMNS)
    for camera, of_camera in scores.cameras.items():
        table.add_row(camera, *_cells(of_camera))
    if scores.together is not None:
        table.add_row("together", *_cells(scores.together), style="bold")
    for baseline in scores.baselines:
        table.add_row(f"{baseline.name} {baseline.floor:g}", *_cells(baseline.together))
    console.print(table)
    if note:
        console.print(note, highlight=False)
    if scores.links is not None:
        console.print("", _link_table(scores, scores.links), sep="\n")
        console.print(
            f"tracklets: {scores.links.tracklets}, of which {scores.links.strays} follow no vehicle", highlight=False
        )
    if scores.delays:
        console.print("", _delay_table(scores.delays), sep="\n")
    if scores.probabilities:
        console.print("", _probability_table(scores.probabilities), sep="\n")


def _table(columns: Iterable[str]) -> Table:
    table = Table(box=None, header_style="bold cyan", pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    return table


def _cells(scores: "TrackScores") -> Iterable[str]:
    shares = (scores.idf1, scores.idp, scores.idr, scores.hota, scores.deta, scores.assa, scores.mota)
    yield from (str(scores.frames), str(scores.true_ids))
    yield from map(_number, shares)
    yield from (str(scores.id_switches), str(scores.fragmentations))


def _link_table(scores: "RunScores", links: "LinkScores") -> Table:
    each = [links, *(it.links for it in scores.baselines)]
    table = _table(("", "together", *(f"{it.name} {it.floor:g}" for it in scores.baselines)))
    table.add_row("link precision", *(_share(it.precision) for it in each))
    table.add_row("link recall", *(_share(it.recall) for it in each))
    table.add_row("  both in view", *(_share(it.recall_in_view) for it in each))
    table.add_row("skip a sighting", *(str(it.skipping) for it in each))
    return table


def _delay_table(points: "list[DelayPoint]") -> Table:
    table = _table(("seconds after leaving", *(point.when for point in points)))
    table.add_row("IDF1", *(_number(point.idf1) for point in points), style="bold")
    table.add_row("link precision", *(_number(p.precision.value) if p.precision else "" for p in points))
    table.add_row("link recall", *(_number(p.recall.value) if p.recall else "" for p in points))
    return table


def _probability_table(probabilities: "dict[str, Reliability]") -> Table:
    table = _table(("probability that", "stated", "is right", "ECE", "equal counts", "Brier"))
    for name, it in probabilities.items():
        errors = map(_number, (it.ece, it.adaptive_ece, it.brier))
        table.add_row(STATEMENTS[name], _number(it.stated), _share(it.right), *errors)
    return table


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _share(share: "Proportion") -> str:
    """`0.800 (0.548 to 0.930) 12/15`."""
    return f"{_number(share.value)} ({share.low:.3f} to {share.high:.3f}) {share.hits}/{share.trials}"
