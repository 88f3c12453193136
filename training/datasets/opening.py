"""`veri:/data/VeRi`, `msmt17/train:/data/MSMT17_V1`, or just a folder: words to a data set."""

from dataclasses import replace
from pathlib import Path

from ingest.errors import ConfigError
from training.datasets import folder, market1501, msmt17, two_camera, unnamed, vehicleid, veri776
from training.datasets.base import ReidData
from training.datasets.formats import DatasetFormat, single_image_identities

# In the order in which a folder's layout is tried.
FORMATS: dict[str, DatasetFormat] = {
    kind.name: kind
    for kind in (
        veri776.FORMAT,
        vehicleid.FORMAT,
        market1501.FORMAT,
        msmt17.FORMAT,
        two_camera.FORMAT,
        folder.FORMAT,
        unnamed.FORMAT,
    )
}
GUESSED = [kind for kind in FORMATS.values() if kind is not unnamed.FORMAT]


def open_dataset(spec: str) -> ReidData:
    """The data set of `PATH`, `KIND:PATH` or `KIND/VARIANT:PATH`.

    Without a kind the folder's layout decides. Odd counts and identities with one image only are warned about. Raises
    ConfigError for a kind or variant that does not exist, and for a folder that is not there or looks otherwise.
    """
    kind, variant, path = _parse(spec)
    if not path.exists():
        raise ConfigError(f"there is no {path}{_ask(kind)}")
    if kind is None:
        kind = next((kind for kind in GUESSED if kind.recognises(path)), None)
        if kind is None:
            layouts = "; ".join(f"{kind.name}: {kind.layout}" for kind in GUESSED)
            raise ConfigError(f"{path} looks like none of the data sets known here ({layouts})")
    elif not kind.recognises(path):
        raise ConfigError(f"{path} does not look like '{kind.name}': expected {kind.layout}{_ask(kind)}")
    data = kind.load(path, variant or kind.variants[0])
    if not (len(data.train) or len(data.query)):
        raise ConfigError(f"{path}: there is no usable image for '{kind.name}': expected {kind.layout}{_ask(kind)}")
    return replace(data, notes=data.notes + single_image_identities(data.name, data.train))


def _parse(spec: str) -> tuple[DatasetFormat | None, str, Path]:
    head, colon, rest = spec.partition(":")
    if not colon or Path(spec).exists():
        return None, "", Path(spec)
    name, _, variant = head.partition("/")
    kind = FORMATS.get(name)
    if kind is None:
        raise ConfigError(f"there is no kind of data set '{name}' (in '{spec}'); there are {', '.join(FORMATS)}")
    if variant and variant not in kind.variants:
        raise ConfigError(f"'{name}' has no variant '{variant}'; there are {', '.join(filter(None, kind.variants))}")
    return kind, variant, Path(rest)


def _ask(kind: DatasetFormat | None) -> str:
    return f"; it is given out at {kind.ask_at}" if kind is not None and kind.ask_at else ""
