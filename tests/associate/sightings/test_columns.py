"""Columns and camera means: what filters admit, and what cameras have in common is taken off."""

import numpy as np
import pytest

from associate.sightings.columns import GONE, ROW, Columns, NumberedFilter
from associate.sightings.similarity import CameraMeans

ROWS = np.array([(10, 20, 1, 1, 0), (30, 40, 2, 1, 5), (50, 60, 1, 2, 6), (0, 0, GONE, 0, 0)], ROW)


@pytest.mark.parametrize(
    ("wanted", "admitted"),
    [
        (NumberedFilter(None, None, None, None, None), [0, 1, 2]),
        (NumberedFilter(20, 30, None, None, None), [0, 1]),
        (NumberedFilter(21, 29, None, None, None), []),
        (NumberedFilter(None, None, [1], None, None), [0, 2]),
        (NumberedFilter(None, None, [1], [2], [6]), [2]),
        (NumberedFilter(None, None, [0], None, None), []),
    ],
)
def test_a_filter_admits_what_meets_all_of_it(wanted: NumberedFilter, admitted: list[int]) -> None:
    columns = Columns()
    for row in ROWS:
        columns.add(np.array([row], ROW))
    assert np.flatnonzero(columns.admitted(wanted)).tolist() == admitted


def test_rows_are_replaced_in_their_place() -> None:
    columns = Columns()
    columns.add(ROWS)
    columns.put(1, ROWS[3:])
    assert columns.alive().tolist() == [True, False, True, False]


def test_what_a_camera_adds_to_every_vector_is_taken_off() -> None:
    rng = np.random.default_rng(0)
    vehicles, light = rng.standard_normal((400, 16)), rng.standard_normal((2, 16))
    cameras = np.repeat([1, 2], 200)
    seen = (vehicles + 4 * light[cameras - 1]).astype(np.float32)
    sums = {camera: (seen[cameras == camera].sum(0).astype(np.float64), 200) for camera in (1, 2)}
    centred = CameraMeans(sums).centred(seen, cameras)
    assert abs(float(centred[:200].mean(0) @ light[0])) < 0.3
    own = (centred * vehicles / np.linalg.norm(vehicles, axis=1, keepdims=True)).sum(1)
    assert own.mean() > 0.95
    np.testing.assert_allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-5)
