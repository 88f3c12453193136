"""Runs that differ in their seed are one line, and every line says what its figures are comparable with."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from embed.network.settings import NetworkName, NetworkSettings
from ingest.errors import ConfigError
from training.evaluation.protocols import EvaluationRow
from training.evaluation.published import FIGURES, extractor_parameters, published
from training.evaluation.retrieval import RANKS, Metrics
from training.evaluation.stored_evaluations import Evaluation, keep_evaluation, read_evaluations
from training.evaluation.table import HEADS, make_table, to_json, to_markdown

pytestmark = pytest.mark.torch

NORTH, SOUTH = "city north (90 files, aaaaaaaaaaaa)", "city south (80 files, bbbbbbbbbbbb)"


def row(rank1: float, seed: int = 0, **changes: Any) -> EvaluationRow:
    metrics = Metrics(cmc=dict.fromkeys(RANKS, rank1), mrr=rank1, mean_ap=rank1 / 2, mean_inp=None)
    values: dict[str, Any] = {
        "dataset": "city",
        "version": "",
        "fingerprint": "90 files, aaaaaaaaaaaa",
        "protocol": "image-to-image",
        "subset": "all",
        "feature": "f3",
        "prior": "no-prior",
        "post": "none",
        "seeds": {"training": (seed,)},
        "queries": 10,
        "skipped": 1,
        "gallery": 30,
        "metrics": metrics,
        **changes,
    }
    return EvaluationRow(**values)


def evaluation(*rows: EvaluationRow, name: NetworkName = "msinet", tested: str = NORTH, **changes: Any) -> Evaluation:
    values: dict[str, Any] = {
        "model": NetworkSettings(name=name),
        "recipe": "modern, 3 epochs",
        "sets": (NORTH,),
        "start": "",
        "teacher": "",
        "parameters_trained": 2_328_035,
        "parameters_deployed": 1_949_539,
        "priors_by": "",
        **changes,
    }
    return Evaluation(tested=tested, rows=rows, **values)


def table_of(text: str) -> list[dict[str, str]]:
    """The lines of a Markdown table by their heads."""
    found: list[dict[str, str]] = []
    for line in text.splitlines():
        cells = line[2:-2].split(" | ")
        if line.startswith("| model"):
            heads = cells
        elif line.startswith("| ") and cells[0] != "---":
            found.append(dict(zip(heads, cells, strict=True)))
    return found


def test_seeds_are_one_line_with_mean_and_deviation() -> None:
    (line,) = make_table([evaluation(row(value, seed)) for seed, value in enumerate((0.5, 0.6, 0.7))])
    (told,) = table_of(to_markdown([line]))
    assert set(told) < set(HEADS)
    assert (told["seeds"], told["queries"]) == ("0, 1, 2", "all (10, 1 skipped)")
    assert told["in-domain R-1"] == "60.0 ± 8.2"
    assert told["in-domain mAP"] == "30.0 ± 4.1"
    assert "cross-domain R-1" not in told, "nothing is in it"
    assert (told["parameters: trained"], told["deployed"], told["of who finds priors"]) == (
        "2,328,035",
        "1,949,539",
        "0",
    )
    assert "**city north (90 files, aaaaaaaaaaaa)**: image-to-image, 30 images searched" in to_markdown([line])


def test_another_set_is_cross_domain_and_a_table_of_its_own() -> None:
    lines = make_table([evaluation(row(0.5)), evaluation(row(0.4), tested=SOUTH)])
    here, there = table_of(to_markdown(lines))
    assert here["in-domain R-1"] == "50.0"
    assert there["cross-domain R-1"] == "40.0"
    assert [entry["domain"] for entry in to_json(lines)] == ["in", "cross"]


def test_priors_stand_in_the_order_of_what_is_told_and_post_processing_beside() -> None:
    ways = ("shuffled-prior", "no-prior", "box-only", "with-prior")
    rows = [row(0.1 * place, prior=prior) for place, prior in enumerate(ways)]
    rows += [row(0.9, prior="with-prior", post="re-ranked")]
    told = table_of(
        to_markdown(make_table([evaluation(*rows, name="grl", priors_by="crossroad-1016 from 0.05, grabcut")]))
    )
    assert [each["prior"] for each in told] == ["with-prior", "box-only", "no-prior", "shuffled-prior"]
    assert [each["of who finds priors"] for each in told] == ["2,900,000", "2,900,000", "0", "2,900,000"]
    assert [each["mAP, re-ranked"] for each in told] == ["45.0", "", "", ""]


def test_what_differs_in_more_than_the_seed_is_another_line() -> None:
    one = evaluation(row(0.5, 0))
    others = [
        evaluation(row(0.5, 1), name="osnet"),
        evaluation(row(0.5, 1), recipe="paper, 350 epochs"),
        evaluation(row(0.5, 1), teacher="0277 abc"),
        evaluation(row(0.5, 1), start="distil abc"),
        evaluation(row(0.5, 1), sets=(NORTH, SOUTH)),
    ]
    assert len(make_table([one, *others])) == 6


def test_the_same_run_twice_is_no_deviation() -> None:
    with pytest.raises(ConfigError, match="two runs are the same msinet with the same seed on city north"):
        make_table([evaluation(row(0.5)), evaluation(row(0.5))])


@pytest.mark.parametrize(
    ("model", "changes", "told"),
    [
        ("grl", {"dataset": "veri-776", "queries": 1_670, "skipped": 8, "gallery": 11_579}, "79.0 / 95.9"),
        ("msinet", {"dataset": "market-1501", "queries": 3_368, "skipped": 0, "gallery": 15_913}, "87.0 / 94.6"),
        ("resnet50", {"dataset": "vehicleid", "queries": 17_377, "skipped": 0, "gallery": 2_400}, "– / 70.6"),
        ("grl", {"dataset": "city"}, "None"),
        ("grl", {"dataset": "veri-776", "queries": 40, "skipped": 0, "gallery": 90}, "None"),
        ("grl", {"dataset": "vehicleid", "queries": 5_693, "skipped": 0, "gallery": 800}, "None"),
        (
            "grl",
            {"dataset": "msmt17", "version": "V2 trainval", "queries": 11_659, "skipped": 0, "gallery": 82_161},
            "None",
        ),
    ],
    ids=["veri", "market", "vehicleid", "the city", "one's own in VeRi's layout", "the small list", "blurred faces"],
)
def test_a_published_figure_stands_beside_the_published_images_only(
    model: Any, changes: dict[str, Any], told: str
) -> None:
    assert str(published(model, row(0.5, **changes))) == told


def test_another_set_has_no_column_of_published_figures() -> None:
    lines = make_table([evaluation(row(0.5), name="osnet")])
    (told,) = table_of(to_markdown(lines))
    assert "published mAP / R-1" not in told
    assert to_json(lines)[0]["published"] is None
    assert all(set(known) == {"veri-776", "vehicleid", "market-1501", "msmt17"} for known in FIGURES.values())


def test_who_finds_priors_may_be_of_unknown_size() -> None:
    assert extractor_parameters("city truth") == 0
    assert extractor_parameters("pvb-2001 from 0.05, box") is None
    assert extractor_parameters("crossroad-1016 0123456789ab from 0.05, sam-vit-b ba9876543210, float32") == 96_635_472


def test_evaluations_are_kept_and_those_of_earlier_weights_are_replaced(tmp_path: Path) -> None:
    keep_evaluation(tmp_path, evaluation(row(0.1), row(0.2, subset="bus"), checkpoint="aa"))
    path = keep_evaluation(tmp_path, evaluation(row(0.5), row(0.4, subset="truck"), checkpoint="bb"))
    keep_evaluation(tmp_path, evaluation(row(0.3, fingerprint="80 files, bbbbbbbbbbbb"), tested=SOUTH))
    north, south = read_evaluations([tmp_path])
    assert north == evaluation(row(0.5), row(0.4, subset="truck"), checkpoint="bb")
    assert south.tested == SOUTH
    path.write_text("{}")
    with pytest.raises(ConfigError, match="is not an evaluation of an encoder"):
        read_evaluations([tmp_path])
    with pytest.raises(ConfigError, match="has no evaluations"):
        read_evaluations([tmp_path / "other"])


def test_of_the_same_weights_only_what_was_measured_again_is_replaced(tmp_path: Path) -> None:
    both = row(0.1), row(0.2, post="re-ranked")
    keep_evaluation(tmp_path, evaluation(*both, checkpoint="aa"))
    keep_evaluation(tmp_path, evaluation(row(0.15), checkpoint="aa"))
    (kept,) = read_evaluations([tmp_path])
    assert kept.rows == (row(0.15), both[1])
    told = {"with-prior": 0.4, "box-only": 0.3}
    guided = evaluation(*(row(rank1, prior=prior) for prior, rank1 in told.items()), priors_by="city truth")
    keep_evaluation(tmp_path, guided)
    assert len(read_evaluations([tmp_path])) == 2, "priors of another maker are beside it"


def test_what_a_network_was_trained_on_is_told() -> None:
    (told,) = table_of(to_markdown(make_table([evaluation(row(0.9), seen=7)])))
    assert told["queries"] == "all (10, 1 skipped, 7 of all trained on)"


def test_the_deviation_over_trials_is_shown_for_a_single_seed() -> None:
    spread = row(0.1).metrics
    (told,) = table_of(to_markdown(make_table([evaluation(row(0.5, protocol="ten-trials", deviation=spread))])))
    assert (told["in-domain R-1"], told["R-5"], told["MRR"]) == ("50.0 ± 10.0",) * 3, "as papers on VehicleID have them"
