"""Catalogue of all models, by name: several of each body type, no real makes."""

from collections.abc import Mapping
from types import MappingProxyType

from ingest.synthetic.vehicle.model import BodyType, Model, Span


def _car(
    name: str,
    length_m: float,
    width_m: float,
    height_m: float,
    *,
    nose_m: float,
    cowl: Span,
    header_m: float,
    roof_end: Span,
    window_end: Span,
    deck_m: float,
    belt_m: float,
    pillars: tuple[float, ...],
    look: tuple[int, int, int],
    wedge_m: float = 0.04,
    sill_m: float = 0.20,
    wheel_m: float = 0.32,
    wheelbase_m: float | None = None,
) -> Model:
    """Model of a car: the bonnet rises from `nose_m` to the cowl, the windscreen to `header_m`, the rear window falls
    from the roof's end to the deck; look: numbers of head lamps, tail lamps and grille."""
    front_m = 0.80 if length_m < 4.5 else 0.88
    base_m = wheelbase_m or 0.605 * length_m
    roofline = (
        (0.0, nose_m - 0.13),
        (0.05, nose_m - 0.05),
        (0.2, nose_m),
        (cowl[0] * 0.6, nose_m * 0.36 + cowl[1] * 0.64),
        cowl,
        (header_m, height_m * 0.955),
        (header_m + 0.45, height_m),
        (header_m * 0.4 + roof_end[0] * 0.6, (height_m + roof_end[1]) / 2 + 0.012),
        roof_end,
        window_end,
        (length_m - 0.10, deck_m),
        (length_m, deck_m - 0.10),
    )
    return Model(
        name=name, kind="car", body=_body(name), length_m=length_m, width_m=width_m, roofline=roofline, belt_m=belt_m,
        sill_m=sill_m, axles_m=(front_m, front_m + base_m), wheel_radius_m=wheel_m, wedge_m=wedge_m,
        windscreen=(cowl[0] + 0.03, header_m), rear_window=(roof_end[0] + 0.02, window_end[0] - 0.02),
        pillars=pillars, lamps=look[0], tail=look[1], grille=look[2],
    )  # fmt: skip


def _pickup(name: str, length_m: float, cab_end_m: float, height_m: float, look: tuple[int, int, int]) -> Model:
    roofline = (
        (0.0, 0.85), (0.05, 0.95), (0.2, 1.02), (1.35, 1.14), (2.05, height_m * 0.95), (2.5, height_m),
        (cab_end_m - 0.35, height_m - 0.02), (cab_end_m, height_m - 0.16),
    )  # fmt: skip
    return Model(
        name=name, kind="car", body="pickup", length_m=length_m, width_m=1.87, roofline=roofline, belt_m=1.13,
        sill_m=0.36, axles_m=(0.95, length_m - 1.22), wheel_radius_m=0.38, windscreen=(1.38, 2.05),
        pillars=(0.55,) if cab_end_m > 3.4 else (), load_m=(cab_end_m + 0.02, 1.10), lamps=look[0], tail=look[1],
        grille=look[2],
    )  # fmt: skip


def _van(
    name: str, length_m: float, width_m: float, height_m: float, *, bonnet: Span, header_m: float, belt_m: float,
    look: tuple[int, int, int], pillars: tuple[float, ...] = (), glazed: bool = False,
) -> Model:  # fmt: skip
    roofline = (
        (0.0, bonnet[1] - 0.34), (0.05, bonnet[1] - 0.22), (0.2, bonnet[1] - 0.13), bonnet,
        (header_m, height_m * 0.93), (header_m + 0.45, height_m), (length_m - 0.25, height_m),
        (length_m - 0.06, height_m - 0.06), (length_m, height_m - 0.16),
    )  # fmt: skip
    front_m = 0.92
    return Model(
        name=name, kind="van", body=_body(name), length_m=length_m, width_m=width_m, roofline=roofline, belt_m=belt_m,
        sill_m=0.26, axles_m=(front_m, front_m + 0.6 * length_m), wheel_radius_m=0.34,
        windscreen=(bonnet[0] + 0.03, header_m), pillars=pillars, cab_m=None if glazed else header_m + 0.62,
        lamps=look[0], tail=look[1], grille=look[2],
    )  # fmt: skip


def _truck(
    name: str, length_m: float, cab: Span, load_top_m: float, look: tuple[int, int], *, axles_m: tuple[float, ...],
    width_m: float = 2.4, lean_m: float = 0.22,
) -> Model:  # fmt: skip
    cab_end_m, roof_m = cab
    roofline = (
        (0.0, roof_m - 0.20), (0.25, roof_m - 0.06), (0.55, roof_m), (cab_end_m - 0.2, roof_m),
        (cab_end_m, roof_m - 0.08),
    )  # fmt: skip
    return Model(
        name=name, kind="truck", body=_body(name), length_m=length_m, width_m=width_m, roofline=roofline,
        belt_m=roof_m * 0.56, sill_m=0.40, axles_m=axles_m, wheel_radius_m=0.46 if length_m > 6.5 else 0.38,
        load_m=(cab_end_m + 0.22, load_top_m), lean_m=lean_m, lamps=look[0], grille=look[1],
    )  # fmt: skip


def _bus(
    name: str, length_m: float, height_m: float, *, decks: int = 1, belt_m: float = 1.2, lean_m: float = 0.15,
    axles_m: tuple[float, ...], windows: int = 7, look: tuple[int, int] = (0, 0),
) -> Model:  # fmt: skip
    roofline = (
        (0.0, height_m - 0.24), (0.12, height_m - 0.10), (0.4, height_m), (length_m - 0.4, height_m),
        (length_m - 0.1, height_m - 0.10), (length_m, height_m - 0.22),
    )  # fmt: skip
    return Model(
        name=name, kind="bus", body=_body(name), length_m=length_m, width_m=2.5, roofline=roofline, belt_m=belt_m,
        sill_m=0.28, axles_m=axles_m, wheel_radius_m=0.48, pillars=tuple((k + 1) / windows for k in range(windows - 1)),
        decks=decks, lean_m=lean_m, lamps=look[0], tail=look[1],
    )  # fmt: skip


def _motorcycle(name: str, length_m: float, seat_m: float, wheel_m: float, grille: int) -> Model:
    roofline = ((0.0, 0.6), (0.4, 1.0), (0.75, 1.05 + seat_m * 0.75), (1.1, 1.05 + seat_m * 0.75), (length_m, 0.7))
    return Model(
        name=name, kind="motorcycle", body="motorcycle", length_m=length_m, width_m=0.78, roofline=roofline,
        belt_m=seat_m, sill_m=0.2, axles_m=(wheel_m + 0.02, length_m - wheel_m - 0.12), wheel_radius_m=wheel_m,
        grille=grille,
    )  # fmt: skip


def _body(name: str) -> BodyType:
    body: BodyType = name.rsplit("-", 1)[0]  # type: ignore[assignment]  # the tests check every name
    return body


_CARS = (
    _car("hatchback-1", 4.20, 1.78, 1.46, nose_m=0.76, cowl=(1.05, 0.97), header_m=1.83, roof_end=(3.62, 1.36),
         window_end=(4.02, 1.00), deck_m=0.93, belt_m=0.93, pillars=(0.40, 0.72), look=(0, 0, 0)),
    _car("hatchback-2", 3.62, 1.64, 1.50, nose_m=0.78, cowl=(0.72, 1.00), header_m=1.42, roof_end=(3.22, 1.42),
         window_end=(3.50, 1.04), deck_m=0.96, belt_m=0.95, pillars=(0.46, 0.86), look=(1, 1, 1), wheel_m=0.29),
    _car("hatchback-3", 4.36, 1.80, 1.44, nose_m=0.72, cowl=(1.20, 0.95), header_m=2.02, roof_end=(3.50, 1.34),
         window_end=(4.18, 1.02), deck_m=0.97, belt_m=0.92, pillars=(0.42, 0.78), look=(2, 2, 2), wedge_m=0.08),
    _car("hatchback-4", 3.95, 1.72, 1.52, nose_m=0.80, cowl=(0.88, 1.02), header_m=1.60, roof_end=(3.50, 1.43),
         window_end=(3.80, 1.05), deck_m=0.98, belt_m=0.97, pillars=(0.38, 0.74), look=(3, 3, 0), wedge_m=0.02),
    _car("saloon-1", 4.65, 1.82, 1.43, nose_m=0.74, cowl=(1.25, 0.94), header_m=2.08, roof_end=(3.15, 1.37),
         window_end=(3.85, 1.08), deck_m=1.02, belt_m=0.92, pillars=(0.42, 0.78), look=(1, 2, 1)),
    _car("saloon-2", 4.92, 1.88, 1.46, nose_m=0.77, cowl=(1.38, 0.97), header_m=2.18, roof_end=(3.38, 1.39),
         window_end=(4.12, 1.11), deck_m=1.05, belt_m=0.94, pillars=(0.44, 0.80), look=(2, 0, 3), wheel_m=0.35),
    _car("saloon-3", 4.40, 1.74, 1.47, nose_m=0.76, cowl=(1.08, 0.96), header_m=1.84, roof_end=(3.02, 1.42),
         window_end=(3.55, 1.06), deck_m=1.00, belt_m=0.93, pillars=(0.42, 0.80), look=(0, 3, 2), wheel_m=0.30),
    _car("saloon-4", 4.72, 1.86, 1.42, nose_m=0.70, cowl=(1.16, 0.92), header_m=2.15, roof_end=(2.95, 1.37),
         window_end=(4.20, 1.07), deck_m=1.04, belt_m=0.92, pillars=(0.43, 0.76), look=(4, 4, 4), wheel_m=0.34),
    _car("estate-1", 4.70, 1.82, 1.46, nose_m=0.74, cowl=(1.25, 0.94), header_m=2.06, roof_end=(4.18, 1.38),
         window_end=(4.55, 1.00), deck_m=0.94, belt_m=0.92, pillars=(0.31, 0.60, 0.80), look=(1, 0, 1)),
    _car("estate-2", 4.88, 1.86, 1.48, nose_m=0.76, cowl=(1.35, 0.96), header_m=2.16, roof_end=(4.05, 1.40),
         window_end=(4.70, 1.04), deck_m=0.98, belt_m=0.94, pillars=(0.33, 0.61, 0.84), look=(2, 4, 3), wedge_m=0.07),
    _car("estate-3", 4.42, 1.75, 1.52, nose_m=0.77, cowl=(1.06, 0.97), header_m=1.80, roof_end=(4.06, 1.46),
         window_end=(4.30, 1.00), deck_m=0.94, belt_m=0.93, pillars=(0.32, 0.61, 0.82), look=(3, 1, 0), wedge_m=0.0),
    _car("suv-1", 4.55, 1.88, 1.66, nose_m=0.94, cowl=(1.12, 1.10), header_m=1.80, roof_end=(4.00, 1.56),
         window_end=(4.40, 1.12), deck_m=1.06, belt_m=1.07, pillars=(0.34, 0.64, 0.86), look=(0, 2, 1), sill_m=0.27,
         wheel_m=0.36),
    _car("suv-2", 4.85, 1.95, 1.76, nose_m=1.00, cowl=(1.22, 1.16), header_m=1.82, roof_end=(4.45, 1.70),
         window_end=(4.72, 1.16), deck_m=1.10, belt_m=1.12, pillars=(0.32, 0.60, 0.83), look=(3, 1, 3), sill_m=0.30,
         wheel_m=0.39, wedge_m=0.0),
    _car("suv-3", 4.28, 1.80, 1.58, nose_m=0.90, cowl=(1.06, 1.06), header_m=1.76, roof_end=(3.55, 1.47),
         window_end=(4.10, 1.12), deck_m=1.06, belt_m=1.03, pillars=(0.38, 0.72), look=(4, 4, 2), sill_m=0.25,
         wheel_m=0.35, wedge_m=0.10),
    _car("suv-4", 3.98, 1.76, 1.67, nose_m=0.96, cowl=(1.02, 1.12), header_m=1.52, roof_end=(3.70, 1.61),
         window_end=(3.88, 1.10), deck_m=1.04, belt_m=1.08, pillars=(0.44, 0.82), look=(1, 3, 4), sill_m=0.28,
         wheel_m=0.36, wedge_m=0.0),
    _pickup("pickup-1", 5.30, 3.62, 1.78, (3, 1, 3)),
    _pickup("pickup-2", 5.05, 2.98, 1.72, (0, 3, 1)),
)  # fmt: skip

_VANS = (
    _van("van-1", 5.30, 2.02, 2.26, bonnet=(0.78, 1.28), header_m=1.58, belt_m=1.22, look=(0, 1, 1)),
    _van("van-2", 5.95, 2.05, 2.62, bonnet=(0.85, 1.36), header_m=1.55, belt_m=1.28, look=(3, 3, 3)),
    _van("van-3", 4.42, 1.83, 1.84, bonnet=(0.92, 1.16), header_m=1.62, belt_m=1.10, look=(1, 3, 0)),
    _van("van-4", 4.98, 1.94, 1.98, bonnet=(0.80, 1.20), header_m=1.66, belt_m=1.13, look=(2, 1, 2)),
    _van("minibus-1", 5.10, 1.94, 1.98, bonnet=(0.80, 1.20), header_m=1.66, belt_m=1.12, look=(2, 3, 2),
         pillars=(0.27, 0.54, 0.80), glazed=True),
    _van("minibus-2", 5.95, 2.05, 2.58, bonnet=(0.85, 1.36), header_m=1.58, belt_m=1.30, look=(3, 1, 1),
         pillars=(0.22, 0.43, 0.64, 0.84), glazed=True),
)  # fmt: skip

_TRUCKS = (
    _truck("box-truck-1", 7.60, (2.00, 2.72), 3.42, (0, 0), axles_m=(1.25, 5.90)),
    _truck("box-truck-2", 5.90, (1.75, 2.28), 2.92, (1, 1), axles_m=(0.98, 4.40), width_m=2.1, lean_m=0.42),
    _truck("box-truck-3", 9.60, (2.15, 3.15), 3.75, (2, 2), axles_m=(1.35, 6.90, 8.20), width_m=2.5, lean_m=0.16),
    _truck("flatbed-1", 7.20, (2.00, 2.70), 1.30, (0, 1), axles_m=(1.25, 5.50)),
    _truck("flatbed-2", 5.70, (1.75, 2.25), 1.15, (1, 0), axles_m=(0.98, 4.30), width_m=2.1, lean_m=0.42),
    _truck("tipper-1", 7.80, (2.05, 2.85), 2.35, (2, 0), axles_m=(1.30, 5.20, 6.50), width_m=2.45),
    _truck("tanker-1", 8.60, (2.05, 2.90), 3.20, (0, 2), axles_m=(1.30, 6.00, 7.30), width_m=2.45),
)  # fmt: skip

_BUSES = (
    _bus("bus-1", 11.0, 3.05, axles_m=(2.6, 8.4), windows=7),
    _bus("bus-2", 12.0, 2.98, axles_m=(2.7, 8.7), windows=6, belt_m=1.05, lean_m=0.28, look=(1, 1)),
    _bus("bus-3", 8.9, 2.95, axles_m=(2.1, 6.4), windows=5, belt_m=1.18, lean_m=0.20, look=(2, 2)),
    _bus("coach-1", 12.2, 3.45, axles_m=(2.7, 8.9), windows=7, belt_m=1.75, lean_m=0.38, look=(1, 2)),
    _bus("double-decker-1", 10.6, 4.32, decks=2, axles_m=(2.6, 8.0), windows=7, lean_m=0.22),
    _bus("double-decker-2", 11.2, 4.26, decks=2, axles_m=(2.7, 8.3), windows=6, lean_m=0.40, look=(2, 1)),
)

_MOTORCYCLES = (
    _motorcycle("motorcycle-1", 1.92, 0.78, 0.24, 0),
    _motorcycle("motorcycle-2", 2.08, 0.80, 0.30, 1),
    _motorcycle("motorcycle-3", 2.20, 0.84, 0.31, 2),
)

MODELS: Mapping[str, Model] = MappingProxyType(
    {model.name: model for model in (*_CARS, *_VANS, *_TRUCKS, *_BUSES, *_MOTORCYCLES)}
)
