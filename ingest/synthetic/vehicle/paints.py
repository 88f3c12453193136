"""The colours of traffic."""

from collections.abc import Mapping
from types import MappingProxyType

from ingest.synthetic.vehicle.model import Bgr

PAINTS: Mapping[str, tuple[Bgr, ...]] = MappingProxyType(
    {
        "white": ((238, 238, 236), (228, 230, 232), (214, 224, 232), (222, 220, 214)),
        "black": ((24, 24, 26), (34, 31, 30), (44, 36, 32)),
        "grey": ((92, 90, 88), (68, 64, 62), (112, 108, 104), (104, 98, 88), (80, 84, 88)),
        "silver": ((182, 184, 186), (164, 166, 168), (176, 188, 192), (196, 196, 194)),
        "blue": ((150, 62, 25), (96, 48, 30), (168, 110, 60), (72, 38, 24), (196, 150, 96)),
        "red": ((32, 30, 165), (36, 26, 118), (40, 40, 196)),
        "brown": ((44, 58, 82), (70, 88, 104), (128, 158, 176)),
        "green": ((52, 70, 38), (74, 96, 66), (110, 150, 110)),
        "orange": ((30, 100, 215),),
        "yellow": ((50, 190, 225),),
    }
)
"""Tones of each paint in BGR, as it looks in full light."""

BUS_PAINTS: tuple[Bgr, ...] = (
    (34, 30, 178), (40, 36, 160), (228, 228, 226), (160, 84, 30), (60, 150, 60), (40, 150, 220), (190, 190, 188),
    (110, 50, 30), (70, 60, 60), (150, 150, 60),
)  # fmt: skip
"""Paints of buses: fleets of a few colours."""

ACCENTS_BGR: tuple[Bgr, ...] = (
    (160, 70, 20), (40, 40, 180), (50, 130, 40), (20, 120, 225), (40, 190, 230), (60, 50, 50), (110, 60, 40),
    (190, 150, 40), (110, 110, 110), (90, 50, 20), (50, 70, 130),
)  # fmt: skip
"""Colours of lettering, stripes and containers."""

CLOTHES_BGR: tuple[Bgr, ...] = (
    (30, 30, 32), (60, 56, 54), (110, 70, 40), (200, 200, 198), (50, 50, 150), (60, 90, 60), (150, 150, 152),
    (40, 120, 200), (90, 120, 150), (130, 90, 60), (60, 220, 210), (70, 40, 30),
)  # fmt: skip
"""Colours of jackets, trousers, helmets, cases and tarpaulins."""
