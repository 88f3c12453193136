"""The image of a site that cameras are drawn on."""

from dataclasses import dataclass
from pathlib import Path

from deploy.web.image_size import size_of
from deploy.web.problems import RequestError
from ingest.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that can be shown. width, height: pixels."""

    path: Path
    width: int
    height: int

    @property
    def media(self) -> str:
        """Its media type."""
        return "image/png" if self.path.suffix.lower() == ".png" else "image/jpeg"

    def data(self) -> bytes:
        """Its bytes; raises RequestError where it is gone."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise RequestError(404, "the plan is not there any more") from error


def open_plan(name: str | None) -> Plan | None:
    """The plan of a configuration, None where it has none; raises ConfigError for what is no image."""
    if name is None:
        return None
    try:
        with Path(name).open("rb") as file:
            size = size_of(file.read(1 << 20))
    except OSError as error:
        raise ConfigError(f"map.plan '{name}' cannot be read: {error.strerror}") from error
    if size is None:
        raise ConfigError(f"map.plan '{name}' is no .jpg or .png")
    return Plan(Path(name), *size)
