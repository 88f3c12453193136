"""Write a site in mid-work as this version leaves it: `python -m tests.data.make_site tests/data/sites/REVISION`.

`corridor.db.xz`: a log with association's state. `waiting.spool.xz`: what a killed camera process could not write to
Kafka. Those of earlier versions stay: tests/system/test_upgrade.py goes on with each.
"""

import lzma
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import msgspec

from deploy.log.base import Addition, Record
from deploy.log.spool.backlog import Backlog
from deploy.log.spool.file import Spool
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS
from deploy.site.association_worker import AssociationWorker
from embed.observation import Message, encode
from tests.associate.samples import SETTINGS, associator, convoy

VEHICLES = 24
LOGGED, SPOOLED = 460, 520
"""Messages up to which they are on the log; and up to which they are in the spool."""
CAMERAS = "abc"
KEEPING_PAST = msgspec.structs.replace(SETTINGS, memory_s=60.0)


def messages() -> list[Message]:
    """What the cameras have to say; vehicles are under way at any moment."""
    return convoy(VEHICLES)


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        for target, path in (("corridor.db", _log(Path(name))), ("waiting.spool", _spool(Path(name)))):
            (folder / f"{target}.xz").write_bytes(lzma.compress(path.read_bytes()))


def _log(folder: Path) -> Path:
    """Make a log whose association has read all of it."""
    with closing(SqliteLog(folder / "corridor.db")) as log:
        writers = {camera: log.claim(f"camera/{camera}") for camera in CAMERAS}
        for message in messages()[:LOGGED]:
            writers[message.camera].commit([Record(OBSERVATIONS, message.camera, encode(message), message.at_ns)])
        AssociationWorker(log, "z", associator(KEEPING_PAST)).drain()
        log._db.execute("VACUUM")
        return log.path


def _spool(folder: Path) -> Path:
    """Make a spool as a kill leaves it."""
    spool = Spool(folder, frozenset(), started_ns=1)
    said = [Addition(f"camera/{each.camera}", OBSERVATIONS, each.camera, encode(each)) for each in messages()]
    Backlog(spool, limit_bytes=1e8).add([(addition, 1) for addition in said[LOGGED:SPOOLED]])
    spool._db.close()
    return spool.path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
