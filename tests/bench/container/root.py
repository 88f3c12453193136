"""A folder that becomes an image, one instruction after the other, by chroot instead of a container engine."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from tests.bench.container.containerfile import Instruction

NOTED = ("HEALTHCHECK", "ENTRYPOINT", "CMD", "VOLUME", "EXPOSE")
"""Instructions that change nothing in the folder."""

NOBODY = ("setpriv", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
"""Options that stand for those of compose.yaml: `cap_drop: [ALL]`, `no-new-privileges`."""

ENTER = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'


@dataclass(slots=True)
class Root:
    """The folder of a stage, and what its instructions have set so far."""

    path: Path
    context: Path
    stages: Mapping[str, "Root"]
    arguments: Mapping[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: int = 0
    noted: dict[str, str] = field(default_factory=dict)

    def apply(self, instruction: Instruction) -> None:
        """Do what an instruction says; raises ValueError for an unknown one, CalledProcessError for one that fails."""
        words = instruction.words
        match instruction.name:
            case "ARG":
                name, _, default = words.partition("=")
                self.environment[name] = self.arguments.get(name, default)
            case "ENV":
                for name, _, value in (each.partition("=") for each in shlex.split(words)):
                    self.environment[name] = Template(value).substitute(self.environment)
            case "WORKDIR":
                self.folder = words
                self.inside(words).mkdir(parents=True, exist_ok=True)
            case "USER":
                self.user = int(words)
            case "COPY":
                self._copy(words.split())
            case "RUN":
                subprocess.run(
                    self.command("/bin/sh", "-c", words),
                    env=self.environment,
                    check=True,
                    capture_output=True,
                    text=True,
                )
            case name if name in NOTED:
                self.noted[name] = words
            case name:
                raise ValueError(f"the instruction {name} is not understood here")

    def inside(self, place: str) -> Path:
        """A place of the image on this machine; relative ones are below its working directory."""
        return self.path / (Path(self.folder) / place).relative_to("/")

    def _copy(self, words: Sequence[str]) -> None:
        options = [each for each in words if each.startswith("--")]
        *sources, target = (each for each in words if not each.startswith("--"))
        whole = self.inside(target)
        for source in sources:
            stage = self.stages[options[0].removeprefix("--from=")] if options else None
            origin = self.context / source if stage is None else stage.inside(source)
            if origin.is_dir():
                # As .dockerignore has it.
                shutil.copytree(
                    origin,
                    whole,
                    symlinks=True,
                    ignore=shutil.ignore_patterns("__pycache__") if stage is None else None,
                )
            else:
                shutil.copy2(origin, whole / origin.name if target.endswith("/") else whole)

    def command(self, *words: str) -> list[str]:
        """The command line that runs one of the image in its folder, as its user, with mounts that end with it."""
        within = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', self.folder, *words]
        drop = [*NOBODY, f"--reuid={self.user}", f"--regid={self._group()}"] if self.user else []
        return ["unshare", "--mount", "sh", "-c", ENTER, str(self.path), *drop, *within]

    def _group(self) -> str:
        """The user's own group, as an engine finds it; root's where the image does not know the user."""
        for line in (self.path / "etc/passwd").read_text().splitlines():
            _, _, number, group, *_ = line.split(":")
            if number == str(self.user):
                return group
        return "0"

    def words(self, name: str) -> list[str]:
        """The words of a command that was noted, in its form of a JSON list."""
        return list(map(str, json.loads(self.noted[name][self.noted[name].index("[") :])))


def begin(base: Path, path: Path, context: Path, stages: Mapping[str, Root], arguments: Mapping[str, str]) -> Root:
    """A stage's folder: a copy of the base's."""
    subprocess.run(["cp", "-a", "--reflink=auto", base, path], check=True)
    environment = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    # A network with a certificate of its own, as its machines are told of it.
    certificate = os.environ.get("PIP_CERT")
    if certificate:
        inside = path / Path(certificate).relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(certificate, inside)
        environment["PIP_CERT"] = certificate
    return Root(path, context, stages, arguments, environment)
