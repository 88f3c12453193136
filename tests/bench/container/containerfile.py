"""A Containerfile as stages of instructions."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its name in capitals, and the words behind it."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: the image that it begins with, the name by which later ones copy from it, its instructions."""

    image: str
    name: str
    instructions: tuple[Instruction, ...]


def read_stages(text: str) -> list[Stage]:
    """The stages of a Containerfile; raises ValueError for an instruction before the first."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[tuple[str, str, list[Instruction]]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, words = line.strip().partition(" ")
        if name == "FROM":
            begun = re.fullmatch(r"(\S+)(?: AS (\S+))?", words)
            if begun is None:
                raise ValueError(f"not the beginning of a stage: {line}")
            found.append((begun[1], begun[2] or "", []))
        elif found:
            found[-1][2].append(Instruction(name, words.strip()))
        else:
            raise ValueError(f"before the first stage: {line}")
    return [Stage(image, name, tuple(instructions)) for image, name, instructions in found]
