"""Corrections: what people have seen binds the links of the tracklets concerned, and teaches like any sure link."""

import msgspec
import numpy as np

from associate.links.travel_times import Ints
from associate.links.window import Window
from associate.memory.memory import Memory
from embed.observation import CameraChange, Control, Correction


def heed(memory: Memory, control: Control) -> bool:
    """Do what somebody said from the next decision on; returns False where it is about what is forgotten already."""
    if isinstance(control, CameraChange):
        return memory.forget_camera(control.camera, control.at_ns, looks=control.change == "moved")
    return _correct(memory, control)


def _correct(memory: Memory, correction: Correction) -> bool:
    window = memory.window
    numbers = [memory.tracklets.number_of(tracklet) for tracklet in correction.tracklets]
    places = [window.place_of[number] for number in numbers if number is not None]
    if len(places) < 2 or any(_is_closed(memory, place) for place in places):
        return False
    earlier, later = sorted(places, key=lambda place: (window.enter_s[place], window.number[place]))
    chain = _chain(window, later)
    if correction.verdict == "same" and earlier not in chain:
        # The chains are joined where they fit into each other by time.
        after = _followers(window)
        while after[earlier] >= 0 and window.enter_s[after[earlier]] < window.enter_s[later]:
            earlier = int(after[earlier])
        while window.before[later] >= 0 and window.enter_s[window.before[later]] > window.enter_s[earlier]:
            later = int(window.before[later])
        _bind(memory, earlier, later, same=True)
        if after[earlier] >= 0:
            _unsettle(memory, int(after[earlier]))
    if correction.verdict == "different":
        _bind(memory, earlier, later, same=False)
        if earlier in chain:
            # A chain that holds both is cut at its weakest link between them.
            between = chain[: chain.index(earlier)]
            weakest = min(between, key=lambda place: (window.probability[place], window.number[place]))
            _bind(memory, int(window.before[weakest]), weakest, same=False)
    return True


def _bind(memory: Memory, earlier: int, later: int, *, same: bool) -> None:
    memory.pairing.bind(earlier, later, same=same)
    _unsettle(memory, later)
    if same:
        _free(memory, earlier)


def _is_closed(memory: Memory, place: int) -> bool:
    """True where a tracklet ends an identity that was closed."""
    followers = _followers(memory.window)
    while followers[place] >= 0:
        place = int(followers[place])
    link = memory.tracklets.link(place)
    return link is not None and link.taken


def _unsettle(memory: Memory, place: int) -> None:
    """Let a tracklet's link be decided again, and those of its followers, which go where it goes."""
    followers = _followers(memory.window)
    while place >= 0:
        link = memory.tracklets.link(place)
        if link is not None and link.settled:
            before = int(memory.window.before[place])
            memory.tracklets.put_link(place, msgspec.structs.replace(link, settled=False))
            if before >= 0:
                _free(memory, before)
        place = int(followers[place])


def _free(memory: Memory, place: int) -> None:
    link = memory.tracklets.link(place)
    if link is not None and link.taken:
        memory.tracklets.put_link(place, msgspec.structs.replace(link, taken=False))


def _chain(window: Window, place: int) -> list[int]:
    """A tracklet and those before it in its chain, the latest first."""
    chain = [place]
    while window.before[chain[-1]] >= 0:
        chain.append(int(window.before[chain[-1]]))
    return chain


def _followers(window: Window) -> Ints:
    """(N,) place of the tracklet that follows each, -1 for none."""
    after = np.full(len(window), -1)
    following = np.flatnonzero(window.before >= 0)
    after[window.before[following]] = following
    return after
