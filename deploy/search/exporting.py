"""Export of one vehicle: what was found, and all that is needed to check it later.

FOLDER/export.json     sightings, evidence, encoder, hashes of crops and vectors
FOLDER/index.html      the same to look at, without scripts
FOLDER/crops/          the crops, as they were stored
"""

import hashlib
import os
from pathlib import Path

import msgspec

from associate.trajectory import Evidence, Visit
from deploy.crops.export import check_new_folder
from deploy.crops.store import crops_of
from deploy.results.explanation import Explanation, Step
from deploy.search.export_page import explanation_page, export_page
from deploy.search.opening import Index
from ingest.errors import ConfigError


class ExportedCrop(msgspec.Struct, frozen=True, kw_only=True):
    """A crop of an export: `file` below its folder, and the SHA-256 of its bytes."""

    file: str
    sha256: str


class ExportedSighting(msgspec.Struct, frozen=True, kw_only=True):
    """One sighting of an export.

    encoder, vector_sha256: of the vector that was compared, little-endian fp16; None where the index has it no more.
    linked, settled, evidence: as association stated it last; `linked` is False for the one that began the identity.
    """

    tracklet: str
    camera: str
    enter_ns: int
    leave_ns: int
    linked: bool
    settled: bool
    evidence: Evidence | None
    encoder: str | None
    vector_sha256: str | None
    crops: list[ExportedCrop]

    @property
    def step(self) -> Step:
        """The sighting as an explanation has it."""
        visit = Visit(
            camera=self.camera, observation=f"{self.tracklet}|", enter_ns=self.enter_ns, leave_ns=self.leave_ns
        )
        return Step(visit, self.evidence, self.settled)


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export; `made_ns` is when, `by` who asked, `corridor` the version of the program."""

    identity: str
    label: str
    merged_into: str | None
    made_ns: int
    by: str
    corridor: str
    sightings: list[ExportedSighting]


class JournalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal of exports, JSON; `sha256` is that of the export's `export.json`."""

    made_ns: int
    by: str
    identity: str
    folder: str
    sightings: int
    crops: int
    sha256: str


def export_identity(
    found: Explanation,
    index: Index | None,
    store: Path,
    folder: Path,
    journal: Path,
    *,
    made_ns: int,
    by: str,
    version: str,
) -> JournalLine:
    """Write an export, and its line in the journal; raises ConfigError for a folder that is not empty or writable."""
    check_new_folder(folder)
    try:
        (folder / "crops").mkdir(parents=True, exist_ok=True)
        contents: dict[str, bytes] = {}
        sightings = [_exported(step, index, store, contents) for step in found.steps]
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        export = _export(found, sightings, made_ns, by, version)
        packed = msgspec.json.format(msgspec.json.encode(export), indent=2)
        (folder / "export.json").write_bytes(packed)
        (folder / "index.html").write_text(export_page(export, hashlib.sha256(packed).hexdigest()))
        line = JournalLine(
            made_ns=made_ns,
            by=by,
            identity=found.identity,
            folder=str(folder.absolute()),
            sightings=len(sightings),
            crops=sum(len(each.crops) for each in sightings),
            sha256=hashlib.sha256(packed).hexdigest(),
        )
        _note(journal, line)
    except OSError as error:
        raise ConfigError(f"the export cannot be written to {folder}: {error.strerror}") from error
    return line


def explain_as_page(found: Explanation, store: Path | None, path: Path, *, made_ns: int, version: str) -> int:
    """Write an explanation as one HTML file with all crops in it; returns their number.

    Raises ConfigError where the file cannot be written.
    """
    contents: dict[str, bytes] = {}
    sightings = [_exported(step, None, store, contents) for step in found.steps]
    page = explanation_page(_export(found, sightings, made_ns, "", version), contents, found.lost)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page)
    except OSError as error:
        raise ConfigError(f"cannot write the page {path}: {error.strerror}") from error
    return len(contents)


def _export(found: Explanation, sightings: list[ExportedSighting], made_ns: int, by: str, version: str) -> Export:
    return Export(
        identity=found.identity,
        label=found.label,
        merged_into=found.merged_into,
        made_ns=made_ns,
        by=by,
        corridor=version,
        sightings=sightings,
    )


def _exported(step: Step, index: Index | None, store: Path | None, contents: dict[str, bytes]) -> ExportedSighting:
    """Describe a sighting; its crops go into `contents`, by their file."""
    tracklet = step.visit.tracklet
    seen = None if index is None else index.of_tracklet(tracklet)
    encoder = vector_sha256 = None
    if index is not None and seen is not None:
        encoder = index.encoder_of(seen.id)
        vector_sha256 = hashlib.sha256(index.stored_vector(seen.id)).hexdigest()
    return ExportedSighting(
        tracklet=tracklet,
        camera=step.visit.camera,
        enter_ns=step.visit.enter_ns,
        leave_ns=step.visit.leave_ns,
        linked=step.linked,
        settled=step.settled,
        evidence=step.evidence,
        encoder=encoder,
        vector_sha256=vector_sha256,
        crops=_crops(store, tracklet, contents),
    )


def _crops(store: Path | None, tracklet: str, contents: dict[str, bytes]) -> list[ExportedCrop]:
    """The crops of a tracklet; their bytes go into `contents`, by their file."""
    found = []
    for crop in crops_of(store, tracklet) if store is not None else ():
        content = crop.path.read_bytes()
        name = f"crops/{crop.path.parent.name}-{crop.path.name}"
        contents[name] = content
        found.append(ExportedCrop(file=name, sha256=hashlib.sha256(content).hexdigest()))
    return found


def _note(journal: Path, line: JournalLine) -> None:
    """Append a line to the journal, onto the disk."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")
        file.flush()
        os.fsync(file.fileno())
