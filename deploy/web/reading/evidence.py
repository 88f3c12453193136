"""Evidence of a link in the words of the page and the API: its terms, its rival, what would be left without each."""

import msgspec

from associate.trajectory import Evidence, Visit
from deploy.results.explanation import TERMS, Step


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One term of the evidence.

    name: its field in the event's evidence.
    words: what it is about.
    value: natural logarithm of a likelihood ratio: 2.3 is ten to one for the link, -2.3 ten to one against.
    without: the probability that would be left without it.
    """

    name: str
    words: str
    value: float
    without: float


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence for giving a sighting to its identity.

    linked: it was linked to the sighting before it; false where it began an identity.
    probability: that this is right, given the rivals.
    settled: it will not be revised any more, but by a correction.
    terms: what spoke for it and against it.
    travel_s: seconds between the two views.
    similarity: cosine of the two vectors, each relative to what its camera sees.
    runner_up: the next best identity.
    runner_up_probability: its probability.
    runner_up_crop: URL of a crop of it.
    """

    linked: bool
    probability: float
    settled: bool
    terms: list[Term] = []
    travel_s: float | None = None
    similarity: float | None = None
    runner_up: str | None = None
    runner_up_probability: float | None = None
    runner_up_crop: str | None = None


def link_of(visit: Visit, stated: Evidence, settled: bool, runner_up_crop: str | None = None) -> Link:
    """The link of a sighting from the evidence that was last stated for it."""
    step = Step(visit, stated, settled)
    terms = []
    for name, words in TERMS.items():
        without = step.without(name)
        if without is not None:
            terms.append(Term(name=name, words=words, value=getattr(stated, name), without=without))
    rival = None if stated.margin is None else max(0.0, stated.probability - stated.margin)
    return Link(
        linked=step.linked,
        probability=stated.probability,
        settled=settled,
        terms=terms,
        travel_s=stated.travel_s,
        similarity=stated.similarity,
        runner_up=stated.runner_up,
        runner_up_probability=rival if stated.runner_up is not None else None,
        runner_up_crop=runner_up_crop,
    )
