"""Priors are found once, by processes that share the work, and survive a kill -9."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from ingest.errors import ConfigError
from tests.training.datasets import layouts
from tests.training.priors.planted import FromName, files, large, quiet
from training.datasets.registry import list_dataset
from training.priors import filling as prior_filling
from training.priors.cache import SHARD, PriorCache
from training.priors.filling import WorkShare, fill, fill_share

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.training.priors.planted import FromName, quiet
from training.datasets.registry import list_dataset
from training.priors.filling import WorkShare, fill_share

when, count = sys.argv[3], 0

def dying(at):
    global count
    count += 1
    if count == at:
        os.kill(os.getpid(), signal.SIGKILL)

class Dying(FromName):
    def of(self, name):
        if when == "finding":
            dying(100)  # in the second shard
        return super().of(name)

if when == "keeping":
    link = Path.hardlink_to
    Path.hardlink_to = lambda self, target: (dying(3), link(self, target))[1]  # about.json, the first shard, the second
fill_share(list_dataset(sys.argv[1]), Dying(), Path(sys.argv[2]), quiet, WorkShare.parse(sys.argv[4]))
"""


def killed(data: Path, folder: Path, when: str, share: str) -> None:
    arguments = [sys.executable, "-c", KILLED, str(data), str(folder), when, share]
    ended = subprocess.run(arguments, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize("when", ["finding", "keeping"])
def test_after_kill_9_the_cache_becomes_the_same_byte_for_byte(tmp_path: Path, when: str) -> None:
    data = large(tmp_path / "set")
    fill(data, FromName(), tmp_path / "whole", quiet)
    broken = tmp_path / "broken"
    killed(tmp_path / "set", broken, when, "1/1")
    assert [path.name for path in sorted(broken.glob("*.shard"))] == ["000000.shard"]
    assert bool(list(broken.glob("*.part"))) == (when == "keeping")
    with pytest.raises(ConfigError, match=f"has priors of {SHARD} of 600 images"):
        PriorCache.open(broken)
    maker = FromName()
    fill(data, maker, broken, quiet)
    assert len(maker.asked) == 600 - SHARD
    assert files(broken) == files(tmp_path / "whole")


def test_a_share_that_is_killed_goes_on_and_disturbs_no_other(tmp_path: Path) -> None:
    data = large(tmp_path / "set")
    fill(data, FromName(), tmp_path / "whole", quiet)
    folder = tmp_path / "shared"
    killed(tmp_path / "set", folder, "keeping", "2/3")
    assert [path.name for path in folder.glob("*.shard")] == ["000001.shard"]
    assert list(folder.glob("*.part"))
    assert not fill_share(data, FromName(), folder, quiet, WorkShare(1, 3))
    assert not fill_share(data, FromName(), folder, quiet, WorkShare(3, 3))
    maker = FromName()
    assert fill_share(data, maker, folder, quiet, WorkShare(2, 3))
    assert len(maker.asked) == 2 * SHARD, "000004.shard and 000007.shard"
    assert files(folder) == files(tmp_path / "whole")


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (3, 1, 2), (4, 2, 1, 3), tuple(range(12, 0, -1))], ids=str)
def test_shares_in_any_order_make_the_cache_of_one_process(tmp_path: Path, order: tuple[int, ...]) -> None:
    data = large(tmp_path / "set")
    fill(data, FromName(), tmp_path / "whole", quiet)
    maker = FromName()
    whole = [
        fill_share(data, maker, tmp_path / "shared", quiet, WorkShare(number, len(order))) for number in order if number
    ]
    assert whole[-1]
    assert not whole[0]
    assert len(maker.asked) == len(set(maker.asked)) == 600
    assert files(tmp_path / "shared") == files(tmp_path / "whole")


def test_shares_at_the_same_time_do_not_disturb_each_other_nor_one_who_does_all(tmp_path: Path) -> None:
    data = large(tmp_path / "set")
    fill(data, FromName(), tmp_path / "whole", quiet)
    shares = [WorkShare(1, 3), WorkShare(2, 3), WorkShare(3, 3), WorkShare(), WorkShare(2, 3)]
    with ThreadPoolExecutor(len(shares)) as pool:
        ended = pool.map(lambda share: fill_share(data, FromName(), tmp_path / "shared", quiet, share), shares)
        assert any(ended)
    assert files(tmp_path / "shared") == files(tmp_path / "whole")


def test_the_last_to_end_knows_that_the_cache_is_whole(tmp_path: Path) -> None:
    data = large(tmp_path / "set")
    folder = tmp_path / "priors"
    assert not fill_share(data, FromName(), folder, quiet, WorkShare(1, 2))
    with pytest.raises(ConfigError, match="has priors of 320 of 600 images"):
        PriorCache.open(folder)
    assert fill_share(data, FromName(), folder, quiet, WorkShare(2, 2))
    assert fill_share(data, FromName(), folder, quiet, WorkShare(1, 2))
    assert len(PriorCache.open(folder).stored) == 600


def test_shares_of_different_makers_do_not_meet_in_a_folder(tmp_path: Path) -> None:
    data = large(tmp_path / "set")
    fill_share(data, FromName("bus ."), tmp_path / "priors", quiet, WorkShare(1, 2))
    with pytest.raises(ConfigError, match=r"holds priors of another maker: 'bus \.', not 'car \.'"):
        fill_share(data, FromName("car ."), tmp_path / "priors", quiet, WorkShare(2, 2))


def test_of_two_makers_that_begin_at_once_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))

    def late() -> UUID:
        """Between the look whether the folder is taken and the taking of it, somebody else takes it."""
        monkeypatch.setattr(prior_filling, "uuid4", uuid4)
        fill(data, FromName("first"), tmp_path / "priors", quiet)
        return uuid4()

    monkeypatch.setattr(prior_filling, "uuid4", late)
    with pytest.raises(ConfigError, match="holds priors of another maker: 'first', not 'second'"):
        fill(data, FromName("second"), tmp_path / "priors", quiet)
    assert PriorCache.open(tmp_path / "priors").metadata.maker == "first"


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    fill(data, FromName(), tmp_path / "links", quiet)

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    fill(data, FromName(), tmp_path / "none", quiet)
    assert files(tmp_path / "none") == files(tmp_path / "links")


def test_a_cache_goes_on_in_the_shards_it_was_begun_in(tmp_path: Path) -> None:
    data = large(tmp_path / "set")
    metadata = fill(data, FromName(), tmp_path / "now", quiet).metadata
    (tmp_path / "before").mkdir()
    before = msgspec.structs.replace(metadata, shard=256)
    (tmp_path / "before" / "about.json").write_bytes(msgspec.json.encode(before))
    cache = fill(data, FromName(), tmp_path / "before", quiet)
    assert len(list((tmp_path / "before").glob("*.shard"))) == 3
    assert cache.stored == PriorCache.open(tmp_path / "now").stored


def test_who_waits_hears_of_every_image_and_first_of_those_that_were_there(tmp_path: Path) -> None:
    data = large(tmp_path / "set")
    told: list[tuple[int, int]] = []
    fill_share(data, FromName(), tmp_path / "priors", lambda *both: told.append(both), WorkShare(10, 10))
    assert told == [(0, 24), *((done, 24) for done in range(1, 25)), (24, 24)]
    told.clear()
    fill(data, FromName(), tmp_path / "priors", lambda *both: told.append(both))
    assert told[:2] == [(24, 600), (25, 600)]
    assert told[-1] == (600, 600)


@pytest.mark.parametrize("text", ["5/4", "0/2", "x", "", "2", "1/0", "-1/2", "1/2/3", "1.5/2", "1/99999", " 1/2"])
def test_what_is_no_share_of_the_work(text: str) -> None:
    with pytest.raises(ConfigError, match=f"'{text}' is no share of the work .expected K/N, K from 1 to N, as in 2/4"):
        WorkShare.parse(text)


def test_a_share_is_read() -> None:
    assert (WorkShare.parse("2/4"), str(WorkShare(2, 4))) == (WorkShare(2, 4), "2/4")


def test_a_second_call_asks_nobody(tmp_path: Path) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    first = fill(data, FromName(), tmp_path / "priors", quiet)
    maker, told = FromName(), []
    second = fill(data, maker, tmp_path / "priors", lambda done, total: told.append((done, total)))
    assert (maker.asked, second.stored) == ([], first.stored)
    assert told[-1] == (30, 30)


def test_priors_of_other_files_or_makers_are_not_mixed(tmp_path: Path) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    with pytest.raises(ConfigError, match="holds priors of another maker: 'names', not 'somebody'"):
        fill(data, FromName("somebody"), tmp_path / "priors", quiet)
    cache.check(data)
    layouts.write_images(tmp_path / "set", ["van new/1.jpg", "van new/2.jpg"])
    more = list_dataset(str(tmp_path / "set"))
    with pytest.raises(ConfigError, match="the priors are of other files"):
        cache.check(more)
    with pytest.raises(ConfigError, match="holds priors of another fingerprint"):
        fill(more, FromName(), tmp_path / "priors", quiet)
    with pytest.raises(ConfigError, match="there is no prior of 'van new/1"):
        cache["van new/1.jpg"]


def test_an_unreadable_image_is_counted_and_has_no_prior(tmp_path: Path) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    name = str(data.parts["whole"].names[0])
    data.parts["whole"].path(0).write_bytes(b"nothing")
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    assert cache.unreadable == [name]
    assert cache[name] is None
    assert name not in cache.missed


def test_about_says_what_a_cache_is_of(tmp_path: Path) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    told = json.loads((tmp_path / "priors" / "about.json").read_text())
    assert told == msgspec.to_builtins(cache.metadata)
    assert (told["dataset"], told["maker"], told["images"]) == ("folder", "names", 30)
