"""A broker with settings beside those of the development broker."""

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.contracts.kafka_broker import RUN, Broker

TEMPLATE = RUN.parent / "server.properties"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"


class ConfiguredBroker(Broker):
    """A broker whose settings are those of the development broker, and `configure`'s."""

    @property
    def command(self) -> list[str]:
        return self.java("kafka.Kafka", str(self._properties))

    def java(self, *arguments: str) -> list[str]:
        return [
            "java",
            "-Xmx384m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            f"{libraries()}/*",
            *arguments,
        ]

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write its settings, before the first start."""
        lines = [line for line in TEMPLATE.read_text().splitlines() if line and not line.startswith("#")]
        given = dict(line.split("=", 1) for line in lines) | {"log.dirs": str(self.folder / "data")} | dict(settings)
        self._properties.write_text("\n".join(f"{key}={value}" for key, value in given.items()))

    def format(self, *options: str) -> None:
        """Make its data's folder, before the first start."""
        command = self.java(
            "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._properties), *options
        )
        subprocess.run(command, check=True, capture_output=True)

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"


@cache
def libraries() -> Path:
    """The folder of Kafka's jars, which run.sh has fetched."""
    return Path(subprocess.run([RUN, "libs"], check=True, capture_output=True, text=True).stdout.strip())
