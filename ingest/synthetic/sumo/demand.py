"""Demand of a SUMO scenario: passenger cars become a mix of cars, vans, trucks and motorcycles."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from ingest.synthetic.sumo.net import open_xml
from ingest.synthetic.world.traffic import VehicleKind

_SHARES: Mapping[VehicleKind, float] = {"car": 0.77, "van": 0.1, "truck": 0.05, "motorcycle": 0.08}
LENGTHS_M: Mapping[VehicleKind, float] = {"car": 5.0, "van": 6.2, "truck": 8.6, "bus": 12.4, "motorcycle": 2.4}
"""Room that the simulation keeps for a vehicle: what the longest model of a kind needs."""

_CLASSES: Mapping[str, VehicleKind] = {
    "delivery": "van",
    "truck": "truck",
    "trailer": "truck",
    "bus": "bus",
    "coach": "bus",
    "motorcycle": "motorcycle",
    "moped": "motorcycle",
}
_PASSENGER = {"passenger", "private", "taxi", "hov", "evehicle", "ignoring", "custom1", "custom2"}
_RECORDERS = {
    "e1Detector", "inductionLoop", "instantInductionLoop", "e2Detector", "laneAreaDetector", "e3Detector",
    "entryExitDetector", "edgeData", "laneData", "timedEvent", "routeProbe", "vTypeProbe",
}  # fmt: skip
_DEFAULT = "DEFAULT_VEHTYPE"


def kind_of(type_id: str, kinds: Mapping[str, VehicleKind | None]) -> VehicleKind | None:
    """Kind of the vehicles of a type; None for those that are not drawn (bicycles, trams)."""
    if "@" in type_id:
        name = type_id.rpartition("@")[2]
        return next((kind for kind in _SHARES if kind == name), "car")
    return kinds.get(type_id, "car")


def default_types() -> ElementTree.Element:
    """Make an additional file, as XML, with the mix of kinds for vehicles that name no type."""
    root = ElementTree.Element("additional")
    root.append(_mixed(ElementTree.Element("vType", id=_DEFAULT, minGap="1.5")))
    return root


def mix_kinds(path: Path, out: Path, kinds: dict[str, VehicleKind | None]) -> Path:
    """Rewrite a file with demand or equipment to `out`, with mixed kinds and without recorders; returns its path.

    Notes in `kinds` the kinds of other types. A file in which nothing is to be changed is used as it is.
    """
    with open_xml(path) as file:
        if not _concerned(file.read()):
            return path
    with open_xml(path) as file:
        root = ElementTree.parse(file).getroot()
    named = {name for each in root.iter("vTypeDistribution") for name in each.get("vTypes", "").split()}
    children = [new for child in root for new in _rewritten(child, named, kinds)]
    root[:] = children
    ElementTree.ElementTree(root).write(out)
    return out


def _concerned(content: bytes) -> bool:
    return any(f"<{tag}".encode() in content for tag in (*_RECORDERS, "vType"))


def _rewritten(
    element: ElementTree.Element, named: set[str], kinds: dict[str, VehicleKind | None]
) -> Iterator[ElementTree.Element]:
    if element.tag in _RECORDERS:
        return
    if element.tag == "vTypeDistribution":
        types = [new for child in element for new in _several(child, kinds)]
        element[:] = types
    elif element.tag == "vType" and element.get("id") not in named and _is_passenger(element):
        element = _mixed(element)
    elif element.tag == "vType":
        _note(element, kinds)
    yield element


def _several(vtype: ElementTree.Element, kinds: dict[str, VehicleKind | None]) -> list[ElementTree.Element]:
    if vtype.tag == "vType" and _is_passenger(vtype):
        return list(_mixed(vtype))
    _note(vtype, kinds)
    return [vtype]


def _is_passenger(vtype: ElementTree.Element) -> bool:
    return vtype.get("vClass", "passenger") in _PASSENGER


def _mixed(vtype: ElementTree.Element) -> ElementTree.Element:
    """Make a distribution of kinds under the name of one type; all may drive where it may."""
    name, share = vtype.get("id", ""), float(vtype.get("probability", 1))
    mixed = ElementTree.Element("vTypeDistribution", id=name)
    for kind, part in _SHARES.items():
        new = ElementTree.SubElement(mixed, "vType", vtype.attrib)
        new.extend(list(vtype))
        new.attrib |= {"id": f"{name}@{kind}", "length": str(LENGTHS_M[kind]), "probability": str(share * part)}
        if kind == "truck":
            new.attrib |= {"accel": "1.3", "decel": "4", "minGap": "2.5"}
    return mixed


def _note(vtype: ElementTree.Element, kinds: dict[str, VehicleKind | None]) -> None:
    """Note the kind of a type, and give it the room that the kind needs."""
    vclass = vtype.get("vClass", "passenger")
    kind = "car" if vclass in _PASSENGER else _CLASSES.get(vclass)
    kinds[vtype.get("id", "")] = kind
    if kind is not None:
        vtype.set("length", str(max(LENGTHS_M[kind], float(vtype.get("length", 0)))))
