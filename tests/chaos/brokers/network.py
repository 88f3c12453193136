"""A network namespace with one way to a broker of this machine, which can be cut in two ways. Needs root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import skip_or_fail
from tests.contracts.configured_broker import ConfiguredBroker
from tests.contracts.kafka_broker import free_ports

NAME = f"cor{os.getpid()}"
HERE, THERE = (f"10.251.{os.getpid() % 256}.{end}" for end in (1, 2))


def blackhole(cut: bool) -> None:
    """Have every packet to here vanish, or no more."""
    ip("-n", NAME, "route", "add" if cut else "del", "blackhole", f"{HERE}/32")


def link_down(cut: bool) -> None:
    """Pull the cable, or plug it in."""
    ip("link", "set", NAME, "down" if cut else "up")


@contextmanager
def namespace() -> Iterator[None]:
    """Make the namespace; skips or fails where this user may not."""
    try:
        ip("netns", "add", NAME)
    except (OSError, subprocess.CalledProcessError) as error:
        skip_or_fail("namespaces", f"network namespaces cannot be made here: {error}")
    try:
        ip("link", "add", NAME, "type", "veth", "peer", "name", "there", "netns", NAME)
        ip("addr", "add", f"{HERE}/30", "dev", NAME)
        ip("link", "set", NAME, "up")
        ip("-n", NAME, "addr", "add", f"{THERE}/30", "dev", "there")
        ip("-n", NAME, "link", "set", "there", "up")
        yield
    finally:
        ip("netns", "del", NAME)


def inside(*command: str) -> "subprocess.Popen[str]":
    """Start a command in the namespace, with pipes to it and from it."""
    command = "ip", "netns", "exec", NAME, *command
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class DistantBroker(ConfiguredBroker):
    """A broker that is met at `servers` here, and at `distant` from the namespace."""

    def __init__(self) -> None:
        super().__init__()
        self.distant = f"{HERE}:{free_ports(1)[0]}"

    def start(self) -> None:
        ways = f"PLAINTEXT://{self.servers},DISTANT://{self.distant}"
        controller = f"127.0.0.1:{self.port + 1}"
        self.configure(
            {
                "listeners": f"{ways},CONTROLLER://{controller}",
                "advertised.listeners": ways,
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DISTANT:PLAINTEXT",
                "controller.quorum.voters": f"1@{controller}",
            }
        )
        self.format()
        super().start()
