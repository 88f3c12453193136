"""Run the association of another checkout: its folder is the PYTHONPATH of this process, which is started with `-P`.

CONFIG MESSAGES EVENTS: a configuration, messages as they go over the wire with their length before each, and where the
events are written, a JSON object a line. Wire formats are frozen, so every release reads the one and writes the other.
"""

import sys
from pathlib import Path

from associate.trajectory import encode
from deploy.site.config import parse_config
from deploy.site.wiring import make_associator
from embed.observation import decode


def main() -> None:
    config, messages, events = (Path(each) for each in sys.argv[1:4])
    associator = make_associator(parse_config(config.read_text(), config.name))
    records, at = messages.read_bytes(), 0
    with events.open("wb") as file:
        while at < len(records):
            end = at + 4 + int.from_bytes(records[at : at + 4], "little")
            message = decode(records[at + 4 : end])
            at = end
            if associator.refuse(message) is None:
                for event in associator.update(message):
                    file.write(encode(event) + b"\n")


if __name__ == "__main__":
    main()
