"""Platoons: vehicles that follow one another on a way between two cameras need about the same time for it.

Over the hour a light lets some vehicles through in ten seconds and others in fifty. Those that come just before and
just after somebody, and by the same way, say which of the two it is now.
"""

from dataclasses import replace

import numpy as np

from associate.links.model import LinkModel, Terms
from associate.links.pairs import PairTable
from associate.links.travel_times import Ints
from associate.links.window import Window

PROBABLE = 0.3
"""Probability from which a link says how long others on its way take."""

NEIGHBOURS, WITHIN_S, FADE_S = 4, 30.0, 10.0
"""Links before and after, in order of coming, that are heard; how far they are apart at most, and the time after which
one weighs a third."""

SPREAD_S, SPREAD_SHARE, SPREAD_APART = 1.0, 0.05, 0.3
"""Mean difference between the times of two vehicles, seconds: at least, by the time itself, and by how far apart they
come. Those who queue leave as they came, but arrive at the pace of the light."""

ALONE_COUNT = 1.0
"""Neighbours that the density of all times counts for."""

WORTH_ASKING = -12.0
"""Log odds below which nothing that neighbours can say makes a pair probable."""


def with_platoons(model: LinkModel, window: Window, links: PairTable, pairs: PairTable, terms: Terms) -> Terms:
    """The terms of P pairs with travel times as likely as those of their neighbours make them.

    links: pairs by their probabilities as shares. A pair hears no link of its own tracklets, and so not itself.
    """
    asked = np.flatnonzero((window.camera[pairs.earlier] != window.camera[pairs.later]) & (terms.total > WORTH_ASKING))
    links = links.at((links.share > PROBABLE) & (window.camera[links.earlier] != window.camera[links.later]))
    if not len(links) or not len(asked):
        return terms
    pairs = pairs.at(asked)
    # Step 1: links in order of their ways, and on each in order of coming
    coming = np.empty(len(window), np.int64)
    coming[np.argsort(window.enter_s, kind="stable")] = np.arange(len(window))
    place = _place(model, window, links, coming)
    order = np.argsort(place, kind="stable")
    links, place = links.at(order), place[order]
    links_s = model.travel.travel_s(window, links.earlier, links.later)
    pairs_s = model.travel.travel_s(window, pairs.earlier, pairs.later)
    # Step 2: density of a pair's time around those of its neighbours
    own = _place(model, window, pairs, coming)
    at, way, links_way = np.searchsorted(place, own), own // len(window), place // len(window)
    density, weight = np.zeros(len(pairs)), np.zeros(len(pairs))
    for step in range(-NEIGHBOURS - 1, NEIGHBOURS + 1):
        near = np.clip(at + step, 0, len(links) - 1)
        heard = np.flatnonzero((links_way[near] == way) & (at + step == near))
        near, later, earlier = near[heard], pairs.later[heard], pairs.earlier[heard]
        apart_s = np.abs(window.enter_s[links.later[near]] - window.enter_s[later])
        other = (links.later[near] != later) & (links.earlier[near] != earlier) & (apart_s < WITHIN_S)
        share = np.where(other, links.share[near] * np.exp(-apart_s / FADE_S), 0.0)
        spread_s = SPREAD_S + SPREAD_SHARE * np.abs(links_s[near]) + SPREAD_APART * apart_s
        density[heard] += share * np.exp(-np.abs(pairs_s[heard] - links_s[near]) / spread_s) / (2 * spread_s)
        weight[heard] += share
    # Step 3: what that says beyond the density of all times
    time = terms.time.copy()
    time[asked] += np.log((density / np.exp(time[asked]) + ALONE_COUNT) / (weight + ALONE_COUNT))
    return replace(terms, time=time)


def _place(model: LinkModel, window: Window, pairs: PairTable, coming: Ints) -> Ints:
    """A number (P,) by which pairs are in order of their ways, and on each in order of coming."""
    way = window.camera[pairs.earlier] * model.cameras + window.camera[pairs.later]
    return np.asarray(way * len(window) + coming[pairs.later], np.int64)
