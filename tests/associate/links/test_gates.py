"""Gates: where vehicles come in and leave."""

import numpy as np
import pytest

from associate.links.gates import MOST_GATES, Gates


def test_near_ones_share_a_gate_which_moves_towards_them() -> None:
    gates = Gates()
    first = gates.find(0, 0.1, 0.5, outgoing=False)
    assert gates.find(0, 0.2, 0.5, outgoing=False) == first
    assert gates.find(0, 0.9, 0.5, outgoing=False) != first
    row = gates.rows[f"{first:06d}"]
    assert row.x == pytest.approx(0.15)
    assert row.count == 2


def test_directions_and_cameras_have_gates_of_their_own() -> None:
    gates = Gates()
    found = {gates.find(camera, 0.5, 0.5, outgoing=way) for camera in (0, 1) for way in (False, True)}
    assert len(found) == 4
    assert found == {gates.find(camera, 0.5, 0.5, outgoing=way) for camera in (0, 1) for way in (False, True)}


def test_gates_are_bounded() -> None:
    gates = Gates()
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(0, 3, (200, 2)).tolist():
        gates.find(0, x, y, outgoing=True)
    assert len(gates.rows) == MOST_GATES


def test_shares_are_of_a_camera_and_direction() -> None:
    gates = Gates()
    for _ in range(30):
        gates.find(0, 0.1, 0.1, outgoing=True)
    gates.find(0, 0.9, 0.1, outgoing=True)
    gates.find(1, 0.9, 0.1, outgoing=True)
    table = gates.table(0.0, 60.0)
    assert table.share.tolist() == pytest.approx([30.5 / 32, 1.5 / 32, 1.0])
    assert table.camera.tolist() == [0, 0, 1]


def test_those_alone_are_counted_and_fade_with_time() -> None:
    gates = Gates()
    for x in (0.1, 0.9):
        gates.find(0, x, 0.1, outgoing=False)
    gates.count_alone(np.array([3.0, 1.0]))
    gates.add_past(np.array([8.0, 0.0]), 100.0, half_life_s=60.0)
    assert gates.table(100.0, 60.0).alone.tolist() == [11.0, 1.0]
    assert gates.table(160.0, 60.0).alone.tolist() == [7.0, 1.0]
    gates.forget(0, places=False)
    assert gates.table(160.0, 60.0).alone.tolist() == [0.0, 0.0]


def test_restored_gates_are_found_again() -> None:
    gates = Gates()
    places = [(0.1, 0.5), (0.5, 0.1), (0.9, 0.5)]
    numbers = [gates.find(0, x, y, outgoing=False) for x, y in places]
    gates.restored()
    assert [gates.find(0, x, y, outgoing=False) for x, y in places] == numbers
