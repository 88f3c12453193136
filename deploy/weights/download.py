"""The download of weights: resumed where it broke off, and kept only if size and digest are the published ones."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from deploy.weights.catalogue import Network, Release, WeightsFile, WeightsState, inspect
from ingest.digest import cache_digest, digest_of
from ingest.errors import WeightsError

PART_SUFFIX = ".part"
CHUNK_BYTES = 1 << 18
NETWORK_TIMEOUT_S = 30.0

Progress = Callable[[str, int, int], None]
"""Called with the name of a file, the bytes there so far, and its size in bytes."""


def pull(name: str, network: Network, folder: Path, progress: Progress) -> bool:
    """Fetch the published files of a network; False if a release that Corridor accepts is already there.

    A download is written to NAME.part, which a later call continues; files get their names when all of them
    have the published digest. Raises WeightsError.
    """
    inspection = inspect(network, folder)
    if inspection.state is WeightsState.PRESENT:
        return False
    right = {each for each, releases in inspection.origins.items() if network.published in releases}
    wanted = [file for file in network.published.files if file.name not in right]
    folder = folder / network.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in wanted:
            _fetch(name, network.published, file, folder, progress)
        for file in wanted:
            path = (folder / (file.name + PART_SUFFIX)).replace(folder / file.name)
            cache_digest(path, file.digest)
    except OSError as error:
        raise WeightsError(f"cannot write to {folder}: {error.strerror} ({error.filename or folder})") from error
    return True


def _fetch(name: str, release: Release, file: WeightsFile, folder: Path, progress: Progress) -> None:
    """Bring NAME.part of one file to its full size, and check it."""
    part = folder / (file.name + PART_SUFFIX)
    url = release.url(file)
    there = part.stat().st_size if part.exists() else 0
    if there > file.size:
        part.unlink()
        there = 0
    if there < file.size:
        part.touch()
        with closing(_read_from(url, there, name, folder)) as pieces, part.open("r+b") as stream:
            for start, piece in pieces:
                stream.seek(start)
                stream.truncate()
                stream.write(piece)
                progress(file.name, start + len(piece), file.size)
                if start + len(piece) > file.size:
                    break
    if part.stat().st_size < file.size:
        raise WeightsError(
            f"the download of {url} broke off after {part.stat().st_size} of {file.size} bytes; what came is kept "
            f"(run `corridor weights pull {name}` again to continue)"
        )
    _check(part, file, url)


def _check(part: Path, file: WeightsFile, url: str) -> None:
    """Delete a download that is not the published file, and raise WeightsError with both digests."""
    size, found = part.stat().st_size, digest_of(part, file.digest.partition(":")[0], fresh=True)
    if size == file.size and found == file.digest:
        return
    part.unlink()
    longer = "at least " if size > file.size else ""
    raise WeightsError(
        f"the download of {url} is not the published file: it has {found} ({longer}{size} bytes), "
        f"expected {file.digest} ({file.size} bytes); it was deleted "
        "(pull again; if it comes back the same, do not use it)"
    )


def _read_from(url: str, start: int, name: str, folder: Path) -> Generator[tuple[int, bytes], None, None]:
    """Yield (offset, bytes) of a file from byte `start` on, or from 0 where the server cannot resume."""
    headers = {"User-Agent": "corridor"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    by_hand = f"run `corridor weights pull {name}` again to continue, or download {url} by hand into {folder}"
    try:
        with urllib.request.urlopen(request, timeout=NETWORK_TIMEOUT_S) as response:
            offset = start if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0
            while piece := response.read(CHUNK_BYTES):
                yield offset, piece
                offset += len(piece)
    except urllib.error.HTTPError as error:
        with error:
            raise WeightsError(f"the server answered {error.code} {error.reason} for {url} ({by_hand})") from error
    except (OSError, http.client.HTTPException) as error:
        host = urllib.parse.urlsplit(url).netloc
        reason = getattr(error, "reason", None) or error
        raise WeightsError(f"cannot fetch weights of {name!r} from {host}: {reason} ({by_hand})") from error
