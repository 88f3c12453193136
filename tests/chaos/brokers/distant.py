"""Cameras and association as a process of their own: `python -m tests.chaos.brokers.distant SERVERS PREFIX FOLDER`.

For each line on standard input it says the next part of the traffic; at the end it prints the names of what it said.
"""

import sys
import threading
from itertools import groupby
from pathlib import Path

import msgspec

from deploy.log.kafka_cluster import Cluster
from deploy.log.kafka_log import KafkaLog
from deploy.site.association_worker import AssociationWorker
from tests.chaos.site import Cameras
from tests.chaos.traffic import new_associator, traffic

PARTS = 4
MESSAGES = list(traffic(20))
PART = len(MESSAGES) // PARTS
"""Messages of a part, at least."""


def main() -> None:
    servers, prefix, folder = sys.argv[1:]
    cluster, said_all = Cluster(servers, prefix), threading.Event()
    cameras = Cameras(lambda: KafkaLog(cluster), Path(folder))
    worker = AssociationWorker(KafkaLog(cluster), "main", new_associator(), batch=20)
    association = threading.Thread(target=lambda: worker.run(threading.Event(), finished=said_all.is_set))
    association.start()
    for number in range(1, PARTS + 1):
        sys.stdin.readline()
        part = MESSAGES[(number - 1) * PART : number * PART if number < PARTS else None]
        for camera, said in groupby(part, key=lambda message: message.camera):
            cameras.say(camera, said)
    cameras.close()
    said_all.set()
    association.join()
    print(msgspec.json.encode(cameras.said).decode())


if __name__ == "__main__":
    main()
