"""Images that somebody sends: their size is read before they are decoded, so that none costs more than it may."""

from pathlib import Path
from typing import Any

import cv2
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from deploy.web.image_size import size_of
from deploy.web.operation import media_of
from deploy.web.problems import RequestError
from ingest.errors import SourceError
from ingest.frame import Image
from training.datasets.images import decode

LARGEST_SIDE = 8192
LARGEST_AREA = 32_000_000
"""Pixels: 96 MB when decoded."""
KINDS = ("image/jpeg", "image/png")


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An image that was sent. image: its file's bytes."""

    image: bytes


async def sent_image(request: Request) -> dict[str, Any]:
    """The image that is the body of a request; raises RequestError for another type."""
    media = media_of(request)
    if media not in KINDS:
        raise RequestError(415, f"Content-Type '{media[:80]}': send {' or '.join(KINDS)}")
    return {"image": await request.body()}


async def sent_form(request: Request) -> dict[str, Any]:
    """The fields of a form with an image; raises RequestError for what is none."""
    try:
        async with request.form(max_files=1, max_fields=20, max_part_size=4096) as form:
            return {name: value if isinstance(value, str) else await value.read() for name, value in form.items()}
    except HTTPException as error:
        raise RequestError(400, f"the form cannot be read: {error.detail}") from error


def decoded(data: bytes) -> Image:
    """(H, W, 3) uint8 BGR of a JPEG or PNG; raises RequestError for anything else, and for more pixels than allowed."""
    if not data:
        raise RequestError(422, "image: there is none (choose a JPEG or PNG)")
    size = size_of(data)
    if size is None:
        raise RequestError(415, "image: it is no JPEG and no PNG")
    width, height = size
    if max(size) > LARGEST_SIDE or width * height > LARGEST_AREA:
        raise RequestError(
            413,
            f"image: {width} x {height} pixels are too many (at most {LARGEST_SIDE} a side and "
            f"{LARGEST_AREA // 1_000_000} million in all)",
        )
    try:
        return decode(data, Path("image"), cv2.IMREAD_COLOR)
    except SourceError as error:
        raise RequestError(422, str(error)) from error


def box_of(text: str | None) -> tuple[float, float, float, float] | None:
    """Left, top, width and height of `x,y,w,h`; raises RequestError for what is not that."""
    if text is None:
        return None
    try:
        left, top, width, height = map(float, text.split(","))
    except ValueError as error:
        raise RequestError(422, f"box: '{text[:40]}' is not x,y,w,h (four numbers in pixels)") from error
    return left, top, width, height


def whole_of(image: Image) -> tuple[float, float, float, float]:
    """The box of all of an image."""
    height, width = image.shape[:2]
    return 0.0, 0.0, float(width), float(height)
