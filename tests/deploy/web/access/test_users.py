"""Users and their passwords."""

import re
import threading
from pathlib import Path

import pytest

from deploy.web.access.users import Role, Users
from ingest.errors import ConfigError
from tests.deploy.web.town import PASSWORD, QUICK


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("", PASSWORD, "user ''"),
        ("../x", PASSWORD, "user '../x'"),
        ("a" * 33, PASSWORD, "at most 32"),
        ("ok", "short", "10 to 256"),
        ("ok", "x" * 257, "10 to 256"),
    ],
)
def test_users_that_cannot_be(tmp_path: Path, name: str, password: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        Users(tmp_path / "users.json", QUICK).add(name, Role.VIEWER, password)


def test_one_password_is_hashed_at_a_time(tmp_path: Path) -> None:
    """Sixty-four megabytes each: many at once would be the memory of the machine."""
    most = running = 0
    counting = threading.Lock()

    class Slow:
        def hash(self, password: str) -> str:
            return "x"

        def verify(self, known: str, password: str) -> bool:
            nonlocal most, running
            with counting:
                running += 1
                most = max(most, running)
            threading.Event().wait(0.02)
            with counting:
                running -= 1
            return True

    users = Users(tmp_path / "users.json", Slow())  # type: ignore[arg-type]
    threads = [threading.Thread(target=users.with_password, args=("a", "b")) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
