"""A catalogue of networks of a few bytes, and the files that they are."""

import hashlib
from pathlib import Path

from deploy.weights.catalogue import Catalogue, Network, Release, WeightsFile

XML = b"<net/>" * 50
BIN = bytes(range(256)) * 1200  # several reads of CHUNK_BYTES
OLD_XML = b"<old/>" * 50
OLD_BIN = bytes(reversed(BIN))  # another release of the same size
ONNX = b"onnx" * 100
CONFIG = b'{"layers": 2}'
WORDS = b"car\ntruck\n"


def release(label: str, source: str, **contents: bytes) -> Release:
    files = tuple(
        WeightsFile(
            name=name.replace("_", "."),
            size=len(data),
            digest=f"sha384:{hashlib.sha384(data).hexdigest()}",
        )
        for name, data in contents.items()
    )
    return Release(label=label, source=source, files=files)


def make_catalogue(url: str) -> Catalogue:
    new = release("Zoo 2", f"{url}/new", net_xml=XML, net_bin=BIN)
    old = release("Zoo 1", f"{url}/old", net_xml=OLD_XML, net_bin=OLD_BIN)
    tiny = release("Tiny 1", f"{url}/new", tiny_onnx=ONNX)
    text = release("Text 1", f"{url}/new", config_json=CONFIG, words_txt=WORDS)
    return Catalogue(
        default="net",
        networks={
            "net": Network(purpose="detector", licence="MIT", published=new, copies=(old,)),
            "tiny": Network(purpose="encoder", licence="MIT", published=tiny),
            "text": Network(purpose="words", licence="MIT", published=text, folder="text"),
        },
    )


def put(folder: Path, xml: bytes | None = XML, bin: bytes | None = BIN) -> None:
    for name, data in (("net.xml", xml), ("net.bin", bin)):
        if data is not None:
            (folder / name).write_bytes(data)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
