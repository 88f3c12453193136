"""Digests of files, remembered for large ones: hashing several gigabytes at every start would take its time."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from ingest.errors import WeightsError

CACHE_FROM_BYTES = 1 << 26
SHORT = 12
"""Hex digits of a short digest."""

CACHE_FILE = ".digests.json"
"""Cache beside the files. Who can write it can write them too: it guards against accidents, as the digests do."""


class _CachedDigest(msgspec.Struct, frozen=True):
    """The digest that a file had when the file system said this of it; a change or a copy changes one of them."""

    size: int
    modified_ns: int
    changed_ns: int
    digest: str


def digest_of(path: Path, algorithm: str, *, fresh: bool = False) -> str:
    """Compute `algorithm:hex` of a file, read in pieces; a large one that did not change is read once, unless `fresh`.

    Raises WeightsError where the file cannot be read.
    """
    try:
        before = path.stat()
        cached = None if fresh else _read_cache(path.with_name(CACHE_FILE)).get(path.name)
        if (
            cached is not None
            and cached == _cached(before, cached.digest)
            and cached.digest.startswith(f"{algorithm}:")
        ):
            return cached.digest
        with path.open("rb") as stream:
            digest = f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"
        if _cached(path.stat(), digest) == _cached(before, digest):
            cache_digest(path, digest)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    return digest


def short_digest(*files: Path) -> str:
    """First digits of the SHA-256 of a file, or of those of several, as names and records of weights have them.

    Raises WeightsError where one cannot be read.
    """
    digests = [digest_of(path.expanduser(), "sha256").removeprefix("sha256:") for path in files]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return whole[:SHORT]


def cache_digest(path: Path, digest: str) -> None:
    """Cache the digest of a file as it is now, if it is a large one; where the folder cannot be written, do nothing."""
    now = path.stat()
    if now.st_size < CACHE_FROM_BYTES:
        return
    cache = path.with_name(CACHE_FILE)
    cached = {name: each for name, each in _read_cache(cache).items() if path.with_name(name).exists()}
    cached[path.name] = _cached(now, digest)
    with suppress(OSError):
        cache.write_bytes(msgspec.json.encode(cached))  # what a crash cuts short is not read again


def _cached(stat: os.stat_result, digest: str) -> _CachedDigest:
    return _CachedDigest(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, digest)


def _read_cache(cache: Path) -> dict[str, _CachedDigest]:
    try:
        return msgspec.json.decode(cache.read_bytes(), type=dict[str, _CachedDigest])
    except (OSError, msgspec.DecodeError):
        return {}
