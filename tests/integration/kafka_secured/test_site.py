"""A site over TLS and SCRAM, every process as its own user with the rights of its role: from clips to trajectories."""

from pathlib import Path

import pytest

from tests.ingest.clips import write_clip
from tests.integration.kafka_secured.secured_broker import SecuredBroker
from tests.system.command import corridor

SETTINGS = '[detect]\ndetector = "motion"\n[associate]\nmin_travel_s = 2\nmax_travel_s = 60\n'


def _site(broker: SecuredBroker, prefix: str, user: str) -> str:
    """Two cameras that saw the same road, 20 s apart by their clocks; the log as `user`."""
    cameras = "".join(
        f'[[cameras]]\nid = "{name}"\nsource = "clip.mp4"\nstarts_at = 2026-01-01T00:00:{seconds:02d}Z\n'
        for name, seconds in (("north", 0), ("south", 20))
    )
    return (
        f'{cameras}{SETTINGS}[log]\nurl = "kafka://{broker.scram}"\nprefix = "{prefix}"\n'
        f'[log.tls]\nca = "{broker.authority.ca}"\n[log.sasl]\nuser = "{user}"\npassword = "env:KAFKA_PASSWORD"\n'
    )


def test_a_site(broker: SecuredBroker, granted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "clip.mp4", 150, size=(320, 192))
    for command in (("observe",), ("associate", "--once"), ("trajectories", "--json")):
        user = {"observe": "cameras", "associate": "association", "trajectories": "reader"}[command[0]]
        (tmp_path / "site.toml").write_text(_site(broker, granted, user))
        monkeypatch.setenv("KAFKA_PASSWORD", broker.password(user))
        result = corridor(tmp_path, *command, "site.toml")
        assert result.returncode == 0, result.stderr
        assert broker.password(user) not in result.stdout + result.stderr
    assert '"kind":"extended","identity":"zone-' in result.stdout
