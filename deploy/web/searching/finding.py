"""What is searched for, and the vehicles that are found: by identity, with crops and probability."""

from datetime import datetime
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.sightings.sighting import Filter
from deploy.search.asking import FoundSighting, FoundVehicle, Query, identity_query, narrowed, search, sighting_query
from deploy.search.images import image_query
from deploy.search.opening import Index
from deploy.web.problems import RequestError
from deploy.web.reading.crops import CropFolder
from deploy.web.reading.identities import Name
from deploy.web.reading.times import Time, ns_of, time_of
from deploy.web.searching.searcher import Searcher
from deploy.web.searching.uploads import box_of, decoded, whole_of
from ingest.frame import Image

Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
SHOWN = 12
"""Sightings of a vehicle in an answer, the most probable ones."""


class Narrowing(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}
):
    """Limits of a search.

    start: only sightings with a moment at or after this time.
    end: only sightings with a moment at or before this time.
    camera: only those of this camera.
    label: only those of this label.
    colour: only those of this colour (`[embed] attributes`).
    probability: only vehicles that are at least as probable.
    limit: at most as many vehicles.
    """

    start: Time | None = None
    end: Time | None = None
    camera: Name | None = None
    label: Name | None = None
    colour: Name | None = None
    probability: Probability = 0.0
    limit: Limit = 20


class SearchQuery(Narrowing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Question for a vehicle that has been seen.

    identity: the vehicle, by all its sightings; or:
    sighting: one sighting of it, by its tracklet.
    """

    identity: Name | None = None
    sighting: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class ImageSearchQuery(Narrowing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Question for the vehicle in an image, which is the body.

    box: where it is in the image, `x,y,w,h` in pixels; without it, the largest vehicle that the detector finds.
    whole: the image shows the vehicle alone.
    """

    box: Annotated[str, msgspec.Meta(max_length=80)] | None = None
    whole: bool = False


class SightingFound(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting that was found.

    tracklet: id, `camera|epoch|track`.
    camera: id of the camera.
    entered: beginning, by the camera's clock.
    left: its end.
    label: kind of vehicle.
    colour: its colour, with `[embed] attributes`.
    similarity: cosine, relative to what the cameras see.
    probability: that it is of the vehicle that was asked for.
    crop: URL of its best crop, where crops are kept.
    """

    tracklet: str
    camera: str
    entered: datetime
    left: datetime
    label: str
    colour: str | None
    similarity: float
    probability: float
    crop: str | None


class VehicleFound(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle that was found.

    identity: its name; null for a sighting of which association has said nothing.
    probability: of its best sighting.
    asked: it is the identity that was asked with: these are more sightings of it.
    sightings: the most probable ones first.
    """

    identity: str | None
    probability: float
    asked: bool
    sightings: list[SightingFound]


class SearchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    vehicles: the most probable ones first.
    searched: sightings that were searched.
    exact: all of them were compared.
    below: vehicles that were left out as less probable than asked for.
    box: where the vehicle is in the image: left, top, right and bottom in pixels; null without an image.
    """

    vehicles: list[VehicleFound]
    searched: int
    exact: bool
    below: int
    box: tuple[float, float, float, float] | None = None


def find_again(searcher: Searcher, crops: CropFolder, query: SearchQuery) -> SearchAnswer:
    """Find more of a vehicle that has been seen; raises RequestError or ConfigError where that cannot be asked."""
    if (query.identity is None) == (query.sighting is None):
        raise RequestError(422, "give one of: identity, sighting (or send an image)")
    with searcher.index() as index:
        if query.sighting is not None:
            asked = sighting_query(index, query.sighting)
        else:
            assert query.identity is not None
            asked = identity_query(index, query.identity)
        return _answer(index, crops, asked, query)


def find_image(
    searcher: Searcher, crops: CropFolder, data: bytes, query: ImageSearchQuery
) -> tuple[SearchAnswer, Image]:
    """Find the vehicle in an image; returns the image's part with the vehicle, too. Raises as `find_again`."""
    given = box_of(query.box)
    if given is not None and query.whole:
        raise RequestError(422, "give one of: box, whole")
    with searcher.index() as index:
        image = decoded(data)
        asked, box = image_query(
            searcher.config, image, "the image", whole_of(image) if query.whole else given, option="box"
        )
        return _answer(index, crops, asked, query, box), _part(image, box)


def _part(image: Image, box_xyxy: NDArray[np.float32]) -> Image:
    left, top, right, bottom = np.round(box_xyxy).astype(int).tolist()
    return image[max(0, top) : bottom, max(0, left) : right]


def _answer(
    index: Index, crops: CropFolder, asked: Query, query: Narrowing, box: NDArray[np.float32] | None = None
) -> SearchAnswer:
    wanted = Filter(
        since_ns=None if query.start is None else ns_of(query.start),
        until_ns=None if query.end is None else ns_of(query.end),
        cameras=(query.camera,) if query.camera else (),
        labels=(query.label,) if query.label else (),
        colours=(query.colour,) if query.colour else (),
    )
    narrow = narrowed(asked, wanted, top=query.limit, min_probability=query.probability, rerank=False)
    results = search(index, narrow)
    return SearchAnswer(
        vehicles=[_vehicle(each, crops) for each in results.vehicles],
        searched=results.searched,
        exact=results.exact,
        below=results.below,
        box=None if box is None else tuple(round(float(each), 1) for each in box),  # type: ignore[arg-type]
    )


def _vehicle(found: FoundVehicle, crops: CropFolder) -> VehicleFound:
    return VehicleFound(
        identity=found.identity,
        probability=found.probability,
        asked=found.asked,
        sightings=[_sighting(each, crops) for each in found.sightings[:SHOWN]],
    )


def _sighting(found: FoundSighting, crops: CropFolder) -> SightingFound:
    seen = found.sighting
    return SightingFound(
        tracklet=seen.tracklet,
        camera=seen.camera,
        entered=time_of(seen.first_ns),
        left=time_of(seen.last_ns),
        label=seen.label,
        colour=seen.colour,
        similarity=found.similarity,
        probability=found.probability,
        crop=crops.best(seen.tracklet),
    )
