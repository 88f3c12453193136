"""A sheet of what a search has found: one row a vehicle, the best crop of each of its sightings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deploy.crops.store import crops_of
from deploy.results.drawing import GRAY, INK, PAPER, draw_text
from deploy.results.image_file import save_image
from deploy.results.mosaic import fit
from deploy.search.asking import FoundVehicle
from ingest.errors import ConfigError

CELL = (150, 110)
"""Width and height of a crop on the sheet, pixels."""

ROWS, COLUMNS = 40, 8


def write_search_sheet(path: Path, vehicles: Sequence[FoundVehicle], crops: Path) -> int:
    """Write the sheet, a .png; returns how many sightings have no crop. Raises ConfigError where there is none."""
    if path.suffix != ".png":
        raise ConfigError(f"--sheet {path} does not end with .png")
    shown = [(vehicle, vehicle.sightings[:COLUMNS]) for vehicle in vehicles[:ROWS]]
    images = {
        each.sighting.tracklet: crop.image
        for _, sightings in shown
        for each in sightings
        for crop in crops_of(crops, each.sighting.tracklet)[:1]
    }
    if not images:
        raise ConfigError(f"--sheet: no crop of what was found is in {crops} (run with [crops] keep = true)")
    columns = max(len(sightings) for _, sightings in shown)
    sheet = np.full((len(shown) * (CELL[1] + 26) + 10, columns * (CELL[0] + 10) + 130, 3), PAPER, np.uint8)
    lacking = 0
    for row, (vehicle, sightings) in enumerate(shown):
        top = row * (CELL[1] + 26) + 6
        draw_text(sheet, vehicle.identity or "no identity", (8, top + 55), INK, within=96)
        draw_text(sheet, f"{vehicle.probability:.2f}", (8, top + 75), INK, within=96)
        for column, each in enumerate(sightings):
            left = 110 + column * (CELL[0] + 10)
            cell = sheet[top : top + CELL[1], left : left + CELL[0]]
            image = images.get(each.sighting.tracklet)
            lacking += image is None
            cell[:] = GRAY if image is None else fit(image, CELL)[0]
            caption = f"{each.sighting.camera} {each.probability:.2f}"
            draw_text(sheet, caption, (left, top + CELL[1] + 15), INK, within=CELL[0])
    save_image(path, sheet)
    return lacking
