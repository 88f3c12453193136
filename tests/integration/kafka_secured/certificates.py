"""Certificates of a test's own authority, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

DAYS = "2"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority in a folder of its own: `ca` is what its clients trust."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str, *, alternative: str = "") -> Path:
        """A PEM file of a key (PKCS#8) and its certificate for `CN=name`, for clients and brokers alike."""
        key, request, certificate = (self.folder / f"{name}.{part}" for part in ("key", "csr", "crt"))
        _openssl("req", "-new", *KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n" if alternative else "")
        signed_by = ("-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial")
        _openssl("x509", "-req", "-in", request, *signed_by, "-days", DAYS, "-out", certificate, "-extfile", extensions)
        both = self.folder / f"{name}.pem"
        both.write_text(key.read_text() + certificate.read_text())
        return both


def new_authority(folder: Path) -> Authority:
    """A new authority in a new folder."""
    folder.mkdir()
    authority = Authority(folder)
    _openssl(
        "req", "-x509", *KEY, "-keyout", folder / "ca.key", "-out", authority.ca, "-days", DAYS, "-subj", "/CN=tests"
    )
    return authority


def lock(pem: Path, password: str) -> Path:
    """The key of a PEM file once more, locked by a password."""
    locked = pem.with_suffix(".locked")
    _openssl("pkcs8", "-topk8", "-in", pem, "-out", locked, "-passout", f"pass:{password}")
    return locked


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
