"""A record of every topic that whoever reads it can decode, and that says nothing about the cameras of a site."""

from associate.trajectory import encode as encode_event
from deploy.log.base import Record
from deploy.log.topics import DEAD_LETTERS, FORGOTTEN, IDENTITIES, OBSERVATIONS, TRAJECTORIES
from deploy.search.forgotten import Forgotten
from deploy.search.forgotten import encode as encode_forgotten
from embed.observation import encode
from tests.associate.samples import event
from tests.embed.samples import correction

VALUES = {
    OBSERVATIONS: encode(correction(at_s=0.0)),
    TRAJECTORIES: encode_event(event()),
    IDENTITIES: encode_event(event()),
    DEAD_LETTERS: b"{}",
    FORGOTTEN: encode_forgotten(Forgotten(identity="z-1", tracklets=[], at_ns=0)),
}


def record(topic: str) -> Record:
    return Record(topic, "zone/zone", VALUES[topic])
