"""`make` says what it installs and for how long, and does not go on where that fails."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

PIP = """#!/bin/sh
while [ ! -e "$GO_ON" ]; do sleep 0.1; done
exit $PIP_CODE
"""


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment whose pip waits, and whose `corridor` says what it was asked for."""
    programs = {"pip": PIP, "corridor": '#!/bin/sh\necho "corridor $1"\n', "python": "#!/bin/sh\n"}
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("code", [0, 1])
def test_make_demo(venv: Path, code: int) -> None:
    go_on = venv / "go_on"
    # `make test` hands its own level and options on to a make below it, which then speaks of folders first.
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
    with subprocess.Popen(
        ["make", "demo", f"VENV={venv}", "SAY_EVERY_S=1"],
        cwd=ROOT,
        env={**environ, "GO_ON": str(go_on), "PIP_CODE": str(code)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(f"installing -e '.[city]' into {venv}")
            assert process.stdout.readline() == "  installing: 1 s\n"
            go_on.touch()
            out, _ = process.communicate(timeout=60)
        finally:
            go_on.touch()
    assert (process.returncode == 0) == (code == 0)
    assert ("corridor demo" in out.splitlines()) == (code == 0)
    assert (venv / ".city").exists() == (code == 0)
