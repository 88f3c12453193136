"""A memory to test with."""

from associate.links.appearance import Calibration
from associate.memory.memory import Memory
from associate.topology import Topology, Window
from embed.observation import Observation
from tests.associate.samples import convoy


def fresh() -> Memory:
    return Memory(Topology([], Window(0, 60)), Calibration(), memory_s=600)


def of_a_convoy() -> Memory:
    """Six vehicles that passed three cameras; nothing is paired, learned or decided."""
    memory = fresh()
    for message in convoy():
        memory.hear(message.camera, message.epoch, message.at_ns)
        if isinstance(message, Observation):
            memory.tracklets.see(message)
    return memory
