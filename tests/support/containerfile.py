"""Reads deploy/Containerfile: its stages with their instructions."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "deploy" / "Containerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, on one line."""

    word: str
    """Such as RUN, in capitals."""
    value: str


def instructions(text: str) -> list[Instruction]:
    """In order, without comments; `FROM` begins a stage."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = lines.replace("\\\n", "")
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage; the first of each is its FROM."""
    found: list[list[Instruction]] = []
    for each in instructions(CONTAINERFILE.read_text(encoding="utf-8")):
        if each.word == "FROM":
            found.append([])
        if found:
            found[-1].append(each)
    return found


def runs(stage: list[Instruction]) -> list[str]:
    """The shell commands of a stage."""
    return [each.value for each in stage if each.word == "RUN"]


def copies(stage: list[Instruction]) -> list[tuple[list[str], str]]:
    """What a stage copies from the context, and to where."""
    words = [each.value.split() for each in stage if each.word == "COPY" and "--from" not in each.value]
    return [(names, place) for *names, place in words]


def environment(stage: list[Instruction]) -> dict[str, str]:
    """The variables that a stage sets."""
    pairs = (pair for each in stage if each.word == "ENV" for pair in shlex.split(each.value))
    return dict(pair.split("=", 1) for pair in pairs)


def user() -> tuple[int, int]:
    """User and group of the image."""
    [value] = [each.value for each in stages()[-1] if each.word == "USER"]
    found = re.fullmatch(r"(\d+):(\d+)", value)
    assert found is not None, "Kubernetes compares numbers"
    return int(found[1]), int(found[2])
