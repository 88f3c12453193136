"""Journeys that are expected given likely links: how many begin at one camera and end at another."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from deploy.web.reading.links import Links, Sightings


def expected_journeys(
    sightings: Sightings, links: Links, begins: NDArray[np.bool_]
) -> dict[tuple[int, int, int], float]:
    """By camera of origin, camera of destination and label: the expected number of journeys.

    begins: (N,) sightings where a journey that counts may begin. Links of different sightings are taken to be
    independent. With `P(i, j)` the probability that `j` follows `i`, the mass of journeys from origin `o` that are at
    sighting `j` is the forward recursion `f(j, o) = [camera of j is o] (1 - sum P(i, j)) + sum P(i, j) f(i, o)`, and
    `f(j, o) (1 - sum P(j, k))` of them end there (L. Rabiner, A Tutorial on Hidden Markov Models, 1989, eq. 19-21: the
    states are sightings, and only the ends are observed).
    """
    count = len(sightings.camera)
    coming = np.bincount(links.later, links.probability, count)
    beginning = np.where(begins, np.clip(1 - coming, 0, 1), 0.0).tolist()
    ending = np.clip(1 - np.bincount(links.earlier, links.probability, count), 0, 1).tolist()
    into: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for earlier, later, probability in zip(
        links.earlier.tolist(), links.later.tolist(), links.probability.tolist(), strict=True
    ):
        into[later].append((earlier, probability))
    # Rows are in order of time, and links lead from earlier ones to later ones.
    masses: list[dict[int, float]] = []
    journeys: dict[tuple[int, int, int], float] = defaultdict(float)
    for row, (camera, label) in enumerate(zip(sightings.camera.tolist(), sightings.label.tolist(), strict=True)):
        mass = {camera: beginning[row]} if beginning[row] else {}
        for earlier, probability in into.get(row, ()):
            for origin, share in masses[earlier].items():
                mass[origin] = mass.get(origin, 0.0) + share * probability
        masses.append(mass)
        for origin, share in mass.items():
            journeys[origin, camera, label] += share * ending[row]
    return journeys
