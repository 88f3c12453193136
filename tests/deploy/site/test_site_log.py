"""One log a site: not that of other cameras, and not silently a new one."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from deploy.log.sqlite_log import SqliteLog
from deploy.site.config import Config, parse_config
from deploy.site.site_log import open_site_log
from ingest.errors import ConfigError

FILE = Path("site.toml")


def config_of(cameras: Iterable[str], extra: str = "") -> Config:
    tables = [f'[[cameras]]\nid = "{camera}"\nsource = "{camera}.mp4"\n' for camera in cameras]
    return parse_config("".join(tables) + extra, str(FILE))


def write_log(path: str, cameras: Iterable[str]) -> None:
    log = SqliteLog(Path(path))
    for camera in cameras:
        log.claim(f"camera/{camera}")
    log.claim("zone/zone")
    log.close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


OWN = "runs/site/corridor.db"
SHARED = "runs/corridor.db"
SAID = f'[log]\nurl = "sqlite:{SHARED}"\n'


@pytest.mark.parametrize("extra", ["", SAID], ids=["by default", "by name"])
@pytest.mark.parametrize("must_exist", [False, True])
def test_a_log_of_other_cameras_is_refused(extra: str, must_exist: bool) -> None:
    config = config_of(["left", "right"], extra)
    write_log(SHARED if extra else OWN, ["up", "down"])
    with pytest.raises(
        ConfigError, match=r"belongs to cameras down, up, and site\.toml has left, right: give it a log"
    ):
        open_site_log(config, FILE, must_exist=must_exist)


ACCEPTED = {
    "no log yet": None,
    "a log of nobody": [],
    "the same cameras": ["up", "down"],
    "a camera has been added since": ["up"],
}


@pytest.mark.parametrize("there", ACCEPTED.values(), ids=ACCEPTED)
def test_a_site_s_own_log_is_opened(there: list[str] | None, caplog: pytest.LogCaptureFixture) -> None:
    if there is not None:
        write_log(OWN, there)
    log = open_site_log(config_of(["up", "down"]), FILE)
    assert isinstance(log, SqliteLog)
    assert log.path == Path(OWN)
    assert caplog.messages == []
    log.close()


def test_cameras_that_are_no_longer_configured_are_named(caplog: pytest.LogCaptureFixture) -> None:
    write_log(OWN, ["up", "down", "over"])
    open_site_log(config_of(["up"]), FILE).close()
    assert caplog.messages == [f"the log {OWN} has cameras that are not in site.toml: down, over"]


class TestTheLogThatAllConfigurationsShared:
    KEEP = f'runs/corridor.db holds what up saw until now: to go on with it, put [log] url = "sqlite:{SHARED}"'

    def test_is_named_with_the_line_that_keeps_it(self, caplog: pytest.LogCaptureFixture) -> None:
        write_log(SHARED, ["up", "elsewhere"])
        open_site_log(config_of(["up", "new"]), FILE).close()
        assert caplog.messages == [f"a new log begins in {OWN}; {self.KEEP} into site.toml"]
        caplog.clear()
        open_site_log(config_of(["up", "new"]), FILE).close()
        assert caplog.messages == [], "said once: the new log is there"

    def test_and_with_that_of_the_crops(self, caplog: pytest.LogCaptureFixture) -> None:
        write_log(SHARED, ["up"])
        Path("runs/crops").mkdir()
        open_site_log(config_of(["up"], "[crops]\nkeep = true\n"), FILE).close()
        assert f'{self.KEEP} and [crops] folder = "runs/crops" into site.toml' in caplog.messages[0]

    def test_is_named_to_those_who_read(self) -> None:
        write_log(SHARED, ["up"])
        with pytest.raises(ConfigError, match=r"there is no log runs/site/corridor\.db yet; runs/corridor\.db holds"):
            open_site_log(config_of(["up"]), FILE, must_exist=True)
        assert not Path(OWN).exists()

    @pytest.mark.parametrize("extra", [SAID, '[log]\nurl = "sqlite:mine.db"\n'], ids=["kept", "another is named"])
    def test_is_not_spoken_of_where_the_file_names_a_log(self, extra: str, caplog: pytest.LogCaptureFixture) -> None:
        write_log(SHARED, ["up"])
        open_site_log(config_of(["up"], extra), FILE).close()
        assert caplog.messages == []

    def test_is_not_spoken_of_where_it_is_of_others_or_no_log(self, caplog: pytest.LogCaptureFixture) -> None:
        write_log(SHARED, ["elsewhere"])
        open_site_log(config_of(["up"]), FILE).close()
        Path(OWN).unlink()
        Path(SHARED).write_text("something else")
        open_site_log(config_of(["up"]), FILE).close()
        assert caplog.messages == []
