"""`python -m training.vehicle_types`: train an encoder's head of types, and say what it is worth on sources left out.

Sources are the labelled crops of docs/training.md and a set of the synthetic city, rendered where it is missing
(corridor[city]). The head is fitted on all of them and written beside the encoder; equal inputs make equal bytes.
"""

import argparse
import os
from pathlib import Path

from detect.masks import BoxMasker
from embed.runtime import RuntimeEncoder
from embed.settings import SHIPPED_FILE
from embed.vehicle_types import head_file, write_head
from training.vehicle_types.fit import TypedVectors, confusion, fit, without
from training.vehicle_types.sources import crop_sources, typed_vectors
from training.vehicle_types.tables import accuracy, balanced_accuracy, confusion_lines

DATA = Path(os.environ.get("CORRIDOR_DATA", "../shared/data"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.vehicle_types", description=__doc__)
    parser.add_argument("encoder", nargs="?", type=Path, default=SHIPPED_FILE, help="exported encoder (grl-64)")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with reid/ and video/ (CORRIDOR_DATA)")
    parser.add_argument("--city", type=Path, default=Path("runs/city-types"), help="the city's set (runs/city-types)")
    parser.add_argument("-o", "--out", type=Path, help="the head's file (beside the encoder)")
    arguments = parser.parse_args()
    encoder = RuntimeEncoder(arguments.encoder)
    known: dict[str, TypedVectors] = {}
    for name, make_crops in crop_sources(arguments.data, arguments.city).items():
        crops = list(make_crops())
        if not crops:
            parser.error(f"{name} has no crops in {arguments.data} (give --data; docs/training.md names the sources)")
        known[name] = typed_vectors(crops, encoder, BoxMasker())
        print(f"{name}: {len(known[name].types)} crops", flush=True)
    for name in known:
        counts = confusion(fit(without(name, known), encoder.id), known[name])
        print(f"\n{name}, left out: accuracy {accuracy(counts):.3f}, mean of its types {balanced_accuracy(counts):.3f}")
        print("\n".join(confusion_lines(counts)))
    out = arguments.out or head_file(arguments.encoder)
    write_head(out, fit(known, encoder.id))
    print(f"\nwritten: {out}, {out.stat().st_size} bytes, for {encoder.id}")


if __name__ == "__main__":
    main()
