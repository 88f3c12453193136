"""A record of every topic that whoever reads it can decode, and that says nothing about the cameras of a site."""

from associate.roads.records import encode as encode_road
from associate.trajectory import encode as encode_event
from deploy.log.base import Record
from deploy.log.topics import (
    CAMERAS,
    DEAD_LETTERS,
    FORGOTTEN,
    IDENTITIES,
    LIVE,
    MATCHES,
    OBSERVATIONS,
    TOPOLOGY,
    TRAJECTORIES,
    WATCHLIST,
    WORKERS,
)
from deploy.search.forgotten import Forgotten
from deploy.search.forgotten import encode as encode_forgotten
from deploy.search.watchlist.entries import encode as encode_entry
from deploy.search.watchlist.matches import encode as encode_match
from deploy.site.cameras.record import CameraRecord, Wanted
from deploy.site.cameras.record import encode as encode_camera
from deploy.site.cameras.workers import WorkerRecord
from deploy.site.cameras.workers import encode as encode_worker
from deploy.web.live.beats import encode as encode_beat
from embed.observation import encode
from tests.associate.roads.samples import edge
from tests.associate.samples import event
from tests.deploy.search.watchlist.samples import SEEN, match
from tests.deploy.web.beats import heartbeat
from tests.embed.samples import correction

VALUES = {
    OBSERVATIONS: encode(correction(at_s=0.0)),
    TRAJECTORIES: encode_event(event()),
    IDENTITIES: encode_event(event()),
    TOPOLOGY: encode_road(edge()),
    DEAD_LETTERS: b"{}",
    FORGOTTEN: encode_forgotten(Forgotten(identity="z-1", tracklets=[], at_ns=0)),
    CAMERAS: encode_camera(CameraRecord(camera="elsewhere", wanted=Wanted.REMOVED, at_ns=0)),
    WATCHLIST: encode_entry(SEEN),
    MATCHES: encode_match(match()),
    LIVE: encode_beat(heartbeat()),
    WORKERS: encode_worker(WorkerRecord(worker="w", pid=1, at_ns=0, expires_ns=0)),
}


def record(topic: str) -> Record:
    return Record(topic, "zone/zone", VALUES[topic])
