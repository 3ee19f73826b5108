"""The folder of real flow files, where present: a developer may keep it beside the project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2].parent / "shared" / "corpus"
FILES = sorted(FOLDER.glob("*.yaml"))
TEMPLATES = sorted((FOLDER / "templates").glob("*.yaml"))
_ROW = re.compile(r"^\| `(?P<file>[^`]+\.yaml)` \| (?P<root>\w+) \| (?P<name>.*?) \| \d+ \|(?P<rest>.*)$", re.MULTILINE)
_NAMED = re.compile(r"(?P<kind>[a-z][\w: -]*?)\?? `(?P<name>[^`]+)`")


def each(files: list[Path]) -> pytest.MarkDecorator:
    """Parametrize a test with `file`; it is skipped where the folder is absent."""
    missing = pytest.param(None, marks=pytest.mark.skip("the folder of real flow files is absent"), id="absent")
    cases = [pytest.param(file, id=file.stem[-40:]) for file in files] or [missing]
    return pytest.mark.parametrize("file", cases)


def text_of(file: Path) -> str:
    """The file's text with its own line ends."""
    return file.read_bytes().decode("utf-8")


@dataclass(frozen=True, slots=True)
class Row:
    """What the folder's table says of one file."""

    root: str
    name: str
    flows: frozenset[str]
    others: frozenset[tuple[str, str]]


def table() -> dict[str, Row]:
    """The rows of the folder's table by file name."""
    rows = {}
    for match in _ROW.finditer((FOLDER / "README.md").read_text("utf-8")):
        *_, flows, others = [cell.strip() for cell in match["rest"].strip().strip("|").split(" | ")]
        rows[match["file"]] = Row(
            match["root"],
            match["name"],
            frozenset(named["name"] for named in _NAMED.finditer(flows)),
            frozenset((named["kind"].strip(), named["name"]) for named in _NAMED.finditer(others)),
        )
    return rows
