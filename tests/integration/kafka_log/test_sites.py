"""Sites that share a cluster: with prefixes they never meet, and without one a foreign camera is named."""

import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from deploy.log.base import Record
from deploy.log.brokers.topics import create_topics
from deploy.log.kafka_cluster import cluster_of
from deploy.log.topics import OBSERVATIONS
from deploy.site.config import Config, parse_config
from deploy.site.site_log import open_site_log
from embed.observation import encode
from ingest.errors import ConfigError
from tests.contracts.kafka_broker import servers
from tests.embed.samples import tick

FILE = Path("site.toml")


def site(prefix: str, cameras: Sequence[str]) -> Config:
    """A site with its topics made, unless another has made them."""
    tables = "".join(f'[[cameras]]\nid = "{camera}"\nsource = "{camera}.mp4"\n' for camera in cameras)
    config = parse_config(f'{tables}[log]\nurl = "kafka://{servers()}"\nprefix = "{prefix}"\n', str(FILE))
    create_topics(cluster_of(config.log))
    return config


def speak(config: Config) -> None:
    """A tick of every camera, as by `corridor observe`."""
    with closing(open_site_log(config, FILE)) as log:
        for camera in config.camera_ids:
            log.claim(f"camera/{camera}").commit([Record(OBSERVATIONS, camera, encode(tick(camera)))])


def cameras_on(config: Config) -> list[str]:
    with closing(open_site_log(config, FILE)) as log:
        return [record.key for record in log.read(OBSERVATIONS, 0, 100)]


@pytest.fixture
def prefix() -> str:
    return f"t{uuid.uuid4().hex[:8]}."


def test_two_sites_with_prefixes_never_read_each_other_s_cameras(prefix: str) -> None:
    north, south = site(f"{prefix}north.", ["a", "b"]), site(f"{prefix}south.", ["a", "c"])
    speak(north)
    speak(south)
    assert cameras_on(north) == ["a", "b"]
    assert cameras_on(south) == ["a", "c"]


@pytest.mark.parametrize("must_exist", [False, True])
def test_a_foreign_camera_is_refused_by_name(prefix: str, must_exist: bool) -> None:
    speak(site(prefix, ["a", "b"]))
    with pytest.raises(
        ConfigError,
        match=rf"prefix '{prefix}', is written by cameras a, b, and site\.toml has c: give each site topics of its "
        r'own, \[log\] prefix = "site\."',
    ):
        open_site_log(site(prefix, ["c"]), FILE, must_exist=must_exist)


def test_cameras_beside_one_s_own_are_named(prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    speak(site(prefix, ["a", "b", "c"]))
    assert not caplog.messages
    open_site_log(site(prefix, ["a"]), FILE).close()
    assert [line for line in caplog.messages if "has cameras that are not in site.toml: b, c" in line]
