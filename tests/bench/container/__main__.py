"""The container's build steps in a Debian root, where there is no engine: `python -m tests.bench.container BASE`.

BASE is a folder with Debian bookworm and its Python, which stands in for the image `python:3.12-slim-bookworm`; where
there is none, debootstrap makes it. Every instruction of the Containerfile is done there by chroot, as root. Then a
recording is watched, and `serve` is started, its health check asked, and it is stopped: as the image's user, without
capabilities, without a network but loopback, with a root that only its volumes make writable. Ends with 3 where this
machine cannot.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.container.containerfile import read_stages
from tests.bench.container.root import NOTED, Root, begin
from tests.bench.measure import table
from tests.conftest import ROOT
from tests.ingest.clips import write_clip

PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
SITE = '[[cameras]]\nid = "road"\nsource = "clip.mp4"\n\n[detect]\ndetector = "motion"\n'
LOCKED = """set -e
mount --bind "$0" "$0"
for volume in runs crops; do mount --bind "$0/var/lib/corridor/$volume" "$0/var/lib/corridor/$volume"; done
mount -o remount,ro,bind "$0"
mount -t tmpfs tmpfs "$0/tmp"
ip link set lo up
exec "$@"
"""
SERVED = """"$@" & server=$!
healthy() { %s; }
for second in $(seq 60); do
  if healthy 2>/dev/null; then
    echo "healthy after $second s; $(grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/$server/status | tr -s '\\t\\n' '  ')"
    touch /var/lib/corridor/written 2>/dev/null && echo 'its root is writable' && exit 1
    kill -TERM $server; wait $server && echo "ended with 0"; exit
  fi
  sleep 1
done
exit 1
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("base", type=Path, help="folder with Debian bookworm; made where it is not there")
    parser.add_argument("--extras", default="web", help="as --build-arg EXTRAS")
    given = parser.parse_args()
    lacking = [each for each in ("unshare", "chroot", "setpriv", "ip") if shutil.which(each) is None]
    if os.geteuid() or lacking:
        print(f"left out: not run as root, or without {', '.join(lacking) or 'it'}", file=sys.stderr)
        raise SystemExit(3)
    rows: list[list[str]] = []
    if not given.base.exists():
        if shutil.which("debootstrap") is None:
            print(f"left out: neither {given.base} nor debootstrap is there", file=sys.stderr)
            raise SystemExit(3)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", given.base]
        timed(rows, "debootstrap", lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    with tempfile.TemporaryDirectory(dir=given.base.parent) as name:
        try:
            check(built(given.base, Path(name), given.extras, rows), rows)
        except subprocess.CalledProcessError as error:
            print((error.stdout or "")[-2000:], (error.stderr or "")[-2000:], file=sys.stderr)
            raise
        finally:
            table(["step", "seconds", "what it said"], rows)


def built(base: Path, folder: Path, extras: str, rows: list[list[str]]) -> Root:
    """The last stage of the Containerfile, with all its instructions done."""
    stages: dict[str, Root] = {}
    for number, stage in enumerate(read_stages((ROOT / "deploy/manifests/container/Containerfile").read_text())):
        root = begin(base, folder / str(number), ROOT, stages, {"EXTRAS": extras})
        for each in stage.instructions:
            timed(rows, f"{each.name} {each.words}", partial(root.apply, each))
        stages[stage.name] = root
    size_mb = int(subprocess.check_output(["du", "-sm", root.path], text=True).split()[0])
    base_mb = int(subprocess.check_output(["du", "-sm", base], text=True).split()[0])
    rows.append(["size", "", f"{size_mb - base_mb} MB more than the base"])
    return root


def check(root: Root, rows: list[list[str]]) -> None:
    """Watch a recording, add a user, then serve until the health check has answered; each in the image alone."""
    home = root.inside(".")
    (home / "site.toml").write_text(SITE)
    write_clip(home / "clip.mp4", 100)
    entry, health = root.words("ENTRYPOINT"), root.words("HEALTHCHECK")
    quoted = " ".join(f'"{each}"' for each in health)
    for words, typed in (
        (["corridor", "--version"], ""),
        ([*entry, "run", "site.toml"], ""),
        ([*entry, "users", "add", "site.toml", "ada", "--role", "admin"], "a long password\n"),
        (["sh", "-c", SERVED % quoted, "served", *entry, *root.words("CMD")], ""),
    ):
        command = ["unshare", "--mount", "--net", "sh", "-c", LOCKED, str(root.path), *root.command(*words)]
        shown = " ".join(words if words[0] != "sh" else words[4:])
        timed(rows, shown, partial(said_by, root, command, typed))


def said_by(root: Root, command: list[str], typed: str) -> str:
    """Run a command in the image and return its output; raises CalledProcessError where it fails."""
    options: dict[str, Any] = {"check": True, "capture_output": True, "text": True, "timeout": 300}
    return str(subprocess.run(command, env=root.environment, input=typed, **options).stdout)


def timed(rows: list[list[str]], what: str, work: Callable[[], object]) -> None:
    """Do a step, and note how long it took and the last line that it said."""
    print(what, flush=True)
    began_s, said = time.monotonic(), work()
    words = "; ".join(said.strip().splitlines()[-2:]) if isinstance(said, str) else ""
    if not what.startswith(NOTED):
        rows.append([" ".join(what.split())[:80], f"{time.monotonic() - began_s:.1f}", words])


if __name__ == "__main__":
    main()
