"""Metrics against a slow implementation that shares nothing with them, and against cases worked out by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.errors import ConfigError
from training.datasets.base import UNKNOWN_CAMERA, ImageSet, Protocol, ReidData
from training.evaluation import retrieval
from training.evaluation.protocols import (
    EvaluationConditions,
    encode_trials,
    evaluate_features,
    evaluate_folds,
    over_runs,
    trials,
)
from training.evaluation.rerank import ReRanking
from training.evaluation.retrieval import answerable, cosine, rank

ABOUT = EvaluationConditions(fingerprint="toy", feature="f3")


def image_set(identities: list[str], cameras: list[str], *, prefix: str = "g") -> ImageSet:
    names = np.array([f"{prefix}{number}" for number in range(len(identities))], np.str_)
    return ImageSet(Path(), names, np.array(identities, np.str_), np.array(cameras, np.str_))


def slow(
    similarities: list[list[float]], query: list[tuple[str, str]], gallery: list[tuple[str, str]]
) -> list[tuple[int, float, float] | None]:
    """Each query's first rank, average precision and inverse negative penalty, or None, from sorted Python lists."""
    results: list[tuple[int, float, float] | None] = []
    for row, (identity, camera) in zip(similarities, query, strict=True):
        candidates = [
            (-similarity, place, identity == other)
            for place, (similarity, (other, where)) in enumerate(zip(row, gallery, strict=True))
            if not (identity == other and camera == where and camera != UNKNOWN_CAMERA)
        ]
        hits = [number for number, (_, _, right) in enumerate(sorted(candidates), 1) if right]
        precisions = [found / number for found, number in enumerate(hits, 1)]
        results.append((hits[0], sum(precisions) / len(hits), len(hits) / hits[-1]) if hits else None)
    return results


@st.composite
def searches(draw: st.DrawFn) -> tuple[NDArray[np.float32], list[tuple[str, str]], list[tuple[str, str]]]:
    """Few identities, cameras and values: ties, junk and queries without an answer are the rule."""
    who = st.tuples(st.sampled_from("abcd"), st.sampled_from(["1", "2", "3", UNKNOWN_CAMERA]))
    query = draw(st.lists(who, min_size=1, max_size=6))
    gallery = draw(st.lists(who, min_size=1, max_size=14))
    values = draw(st.lists(st.integers(0, 4), min_size=len(query) * len(gallery), max_size=len(query) * len(gallery)))
    return np.array(values, np.float32).reshape(len(query), len(gallery)), query, gallery


@given(searches(), st.sampled_from([1, 2, 1000]))
def test_ranks_equal_the_slow_ones(
    case: tuple[NDArray[np.float32], list[tuple[str, str]], list[tuple[str, str]]], rows_at_once: int
) -> None:
    values, query, gallery = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "CHUNK_BYTES", rows_at_once * 4 * len(gallery))
        ranking = rank(
            lambda rows: values[rows],
            image_set([identity for identity, _ in query], [camera for _, camera in query], prefix="q"),
            image_set([identity for identity, _ in gallery], [camera for _, camera in gallery]),
        )
    for row, expected in enumerate(slow(values.tolist(), query, gallery)):
        got = (int(ranking.first[row]), float(ranking.precision[row]), float(ranking.penalty[row]))
        assert got == pytest.approx(expected or (0, 0, 0))


def test_a_case_by_hand() -> None:
    """Right answers at ranks 1, 3 and 4, after the junk has gone: (1 + 2/3 + 3/4) / 3."""
    query = image_set(["a"], ["1"], prefix="q")
    gallery = image_set(["a", "a", "b", "a", "a", "c"], ["1", "2", "2", "3", "2", "1"])
    values = np.array([[0.99, 0.9, 0.8, 0.7, 0.6, 0.5]], np.float32)
    ranking = rank(lambda rows: values[rows], query, gallery)
    assert ranking.first[0] == 1
    assert ranking.precision[0] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert ranking.penalty[0] == pytest.approx(3 / 4)


def test_an_image_never_finds_itself() -> None:
    images = image_set(["a", "a", "b"], [UNKNOWN_CAMERA] * 3)
    values = np.array([[1, 0.1, 0.5]], np.float32)
    ranking = rank(lambda rows: values[rows], images.select(np.array([0])), images)
    assert ranking.first.tolist() == [2]


def toy(seed: int = 0, *, identities: int = 12, noise: float = 0.6) -> tuple[ReidData, NDArray[np.float32]]:
    """Vehicles seen twice by each of three cameras; all images ask for all."""
    rng = np.random.default_rng(seed)
    who, cameras = np.divmod(np.arange(identities * 6) // 2, 3)
    images = image_set([f"v{number:02d}" for number in who], [f"c{number}" for number in cameras])
    vectors = rng.normal(size=(identities, 16))[who] + noise * rng.normal(size=(len(who), 16))
    return ReidData("toy", images, images, images), vectors.astype(np.float32)


def test_a_row_has_all_that_must_be_known() -> None:
    data, vectors = toy()
    data = replace(data, version="v1", subsets={"some": np.arange(6)})
    about = EvaluationConditions("3 files, abc", "msinet", "box-only", {"training": 7})
    everything, some = evaluate_features(data, vectors, vectors, about)
    assert (everything.subset, everything.queries, everything.skipped, everything.gallery) == ("all", 72, 0, 72)
    assert (some.subset, some.queries, some.gallery) == ("some", 6, 72)
    told = json.loads(everything.to_json())
    assert told["seeds"] == {"training": [7]}
    assert (told["protocol"], told["post"], told["prior"]) == ("image-to-image", "none", "box-only")
    assert told["metrics"]["cmc"]["1"] == everything.metrics.cmc[1]
    assert 0.3 < everything.metrics.mean_ap < 1  # type: ignore[operator]


def test_the_length_of_vectors_does_not_matter() -> None:
    data, vectors = toy()
    lengths = np.random.default_rng(1).uniform(0.1, 10, (len(vectors), 1)).astype(np.float32)
    (plain,), (stretched,) = (evaluate_features(data, v, v, ABOUT) for v in (vectors, vectors * lengths))
    assert plain.metrics.mean_ap == pytest.approx(stretched.metrics.mean_ap, abs=1e-4)


def test_queries_without_an_answer_are_counted() -> None:
    data, vectors = toy()
    stranger = replace(data.query, identities=np.where(np.arange(72) < 10, "stranger", data.query.identities))
    (row,) = evaluate_features(replace(data, query=stranger), vectors, vectors, ABOUT)
    assert (row.queries, row.skipped) == (62, 10)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda vectors: vectors[:-1], "71 vectors for 72 images"),
        (lambda vectors: np.where(np.arange(72)[:, None] < 2, np.nan, vectors), "2 of 72 vectors are not finite"),
    ],
)
def test_useless_vectors_are_refused(change: object, told: str) -> None:
    data, vectors = toy()
    assert callable(change)
    with pytest.raises(ConfigError, match=told):
        evaluate_features(data, change(vectors), vectors, ABOUT)


def test_nothing_to_be_found_is_one_line() -> None:
    data, vectors = toy()
    alone = replace(data, gallery=replace(data.gallery, cameras=data.query.cameras, identities=data.gallery.names))
    with pytest.raises(ConfigError, match="toy: none of 72 queries has an image of its vehicle"):
        evaluate_features(alone, vectors, vectors, ABOUT)


def test_folds_pooled_are_the_whole() -> None:
    data, vectors = toy()
    data = replace(data, subsets={"some": np.arange(20, 50)})
    parts = [np.arange(0, 30), np.arange(30, 72)]
    folds = [
        replace(data, query=data.query.select(rows), subsets={"some": np.flatnonzero((rows >= 20) & (rows < 50))})
        for rows in parts
    ]
    pooled = evaluate_folds(folds, [(vectors[rows], vectors) for rows in parts], ABOUT)
    whole = evaluate_features(data, vectors, vectors, ABOUT)
    assert pooled == [replace(row, version="2 folds pooled") for row in whole]


def test_runs_with_other_seeds_become_one_row() -> None:
    data, vectors = toy()
    noise = np.random.default_rng(9).normal(size=(2, *vectors.shape)).astype(np.float32)
    runs = [
        evaluate_features(data, vectors + more, vectors + more, replace(ABOUT, seeds={"training": seed}))[0]
        for seed, more in enumerate(noise)
    ]
    one = over_runs(runs)
    values = [row.metrics.mean_ap or 0 for row in runs]
    assert one.seeds == {"training": (0, 1)}
    assert one.metrics.mean_ap == pytest.approx(np.mean(values))
    assert one.deviation is not None
    assert one.deviation.mean_ap == pytest.approx(np.std(values))
    with pytest.raises(ValueError, match="different things"):
        over_runs([runs[0], replace(runs[1], prior="box-only")])


def single_camera(data: ReidData) -> ReidData:
    images = replace(data.query, cameras=np.full(len(data.query), UNKNOWN_CAMERA))
    rows = {"small": np.arange(36), "large": np.arange(72)}
    return ReidData("trials", images, images, images, Protocol.TEN_TRIALS, subsets=rows)


def test_trials_take_one_image_of_each_into_the_gallery_and_ask_the_rest() -> None:
    images = single_camera(toy()[0]).query
    drawn = trials(images, seed=3)
    assert len(drawn) == 10
    for query, gallery in drawn:
        assert images.identities[gallery].tolist() == sorted(set(images.identities.tolist()))
        assert sorted([*query.tolist(), *gallery.tolist()]) == list(range(72))
    assert len({tuple(gallery.tolist()) for _, gallery in drawn}) == 10
    assert [gallery.tolist() for _, gallery in trials(images, seed=3)] == [gallery.tolist() for _, gallery in drawn]


def test_ten_trials_have_mean_and_deviation_and_call_mrr_by_its_name() -> None:
    data, vectors = toy(noise=1.5)
    data = single_camera(data)
    small, large = evaluate_features(data, vectors, vectors, ABOUT, trial_seed=5)
    assert (small.subset, small.gallery, small.queries) == ("small", 6, 30)
    assert (large.subset, large.gallery, large.queries) == ("large", 12, 60)
    assert (large.metrics.mean_ap, large.metrics.mean_inp) == (None, None)
    assert large.deviation is not None
    assert large.seeds == {"trials": (5,)}
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    reciprocal = []
    for query, gallery in trials(data.query, seed=5):
        who, known = data.query.identities[query].tolist(), data.query.identities[gallery].tolist()
        told = slow((unit[query] @ unit[gallery].T).tolist(), [(w, "1") for w in who], [(k, "2") for k in known])
        reciprocal.append(np.mean([1 / each[0] for each in told if each is not None]))
    assert large.metrics.mrr == pytest.approx(np.mean(reciprocal))
    assert large.deviation.mrr == pytest.approx(np.std(reciprocal))
    assert large.deviation.mrr > 0


def test_trials_can_be_written_down() -> None:
    data = single_camera(toy()[0])
    told = json.loads(encode_trials(data, 5))
    assert told["seed"] == 5
    expected = [data.query.names[gallery].tolist() for _, gallery in trials(data.query, 5)]
    assert told["galleries"]["large"] == expected


def test_camera_bias_is_a_row_of_its_own_and_helps_where_there_is_one() -> None:
    data, vectors = toy(noise=0.5)
    _, camera = np.unique(data.query.cameras, return_inverse=True)
    biased = vectors + 4 * np.random.default_rng(5).normal(size=(3, 16)).astype(np.float32)[camera]
    (plain,) = evaluate_features(data, biased, biased, ABOUT)
    (mended,) = evaluate_features(data, biased, biased, ABOUT, remove_camera_bias=True)
    assert (plain.post, mended.post) == ("none", "camera mean removed")
    assert mended.metrics.cmc[1] > plain.metrics.cmc[1] + 0.1
    (both,) = evaluate_features(data, biased, biased, ABOUT, remove_camera_bias=True, reranking=ReRanking(6, 3))
    assert both.post == "camera mean removed + re-ranked"


def test_trials_know_no_post_process() -> None:
    data, vectors = toy()
    with pytest.raises(ConfigError, match="'re-ranked' is not defined"):
        evaluate_features(single_camera(data), vectors, vectors, ABOUT, reranking=ReRanking())


def test_queries_that_can_be_answered_are_those_that_a_ranking_answers() -> None:
    data, vectors = toy(noise=0.5)
    some = replace(data, gallery=data.gallery.select(np.arange(0, len(data.gallery), 5)))
    ranked = rank(cosine(vectors, vectors[::5]), some.query, some.gallery).first > 0
    assert 0 < ranked.sum() < len(ranked)
    np.testing.assert_array_equal(answerable(some), ranked)
    assert answerable(single_camera(data)).all(), "each image is looked for among the others of its vehicle"
