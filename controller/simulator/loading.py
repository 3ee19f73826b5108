"""Fills an organisation from a folder of Archy files and publishes each flow once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from controller.domain.errors import FlowFileInvalid
from controller.domain.identity import FlowKey
from controller.flows.checks import name_mistake
from controller.flows.substitution import placeholders
from controller.simulator.actor import Actor
from controller.simulator.content import read
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.publishing import go_live
from controller.simulator.resolution import bindings, problems

LOADER = Actor("00000000-0000-4000-8000-00000000a11c", "Simulator", person=True)
"""The actor that published the loaded flows."""
_MANIFEST = re.compile(r"^apiVersion:", re.MULTILINE)
_RECORD = "penstock.lock.yaml"


@dataclass(frozen=True, slots=True)
class SkippedFile:
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The result of loading a folder."""

    loaded: tuple[FlowKey, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    warnings: tuple[str, ...] = ()
    """References of loaded flows to missing flows."""


def load_folder(organization: SimulatedOrganization, folder: Path, now: datetime) -> LoadReport:
    """Create a flow from every Archy file below the folder, published at 1.0.

    Files that do not parse, need substitutions, or name an existing flow are skipped and reported. Manifests, hidden
    folders and folders of recorded artifacts are ignored. Raises FileNotFoundError when there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder")
    sources: dict[FlowKey, str] = {}
    skipped: list[SkippedFile] = []
    for path in _sources_below(folder):
        reason = _take(organization, path, sources)
        if reason:
            skipped.append(SkippedFile(path, reason))
    for key, text in sources.items():
        flow = organization.create(key, LOADER, now)
        flow.description, flow.division = read(text).description or "", read(text).division or "Home"
        go_live(organization, flow, organization.add_version(flow, text, LOADER, now), LOADER, now)
    _bind(organization, sources)
    warnings = [
        f"{key}: {problem.message}" for key, text in sources.items() for problem in problems(organization, key, text)
    ]
    return LoadReport(tuple(sources), tuple(skipped), tuple(warnings))


def _sources_below(folder: Path) -> list[Path]:
    files = sorted((*folder.rglob("*.yaml"), *folder.rglob("*.yml")))
    recorded = {file.parent for file in files if file.name == _RECORD} - {folder}
    return [
        file
        for file in files
        if recorded.isdisjoint(file.parents)
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def _take(organization: SimulatedOrganization, path: Path, sources: dict[FlowKey, str]) -> str | None:
    """Why the file is skipped; None if its text was added to the sources or it is a manifest."""
    try:
        text = path.read_text(encoding="utf-8")
        if _MANIFEST.search(text):
            return None
        needed = placeholders(text)
        if needed:
            return f"needs values for its placeholders {', '.join(f'{{{{{name}}}}}' for name in needed)}"
        key = read(text).key
    except (UnicodeDecodeError, OSError) as error:
        return f"cannot be read: {error}"
    except FlowFileInvalid as error:
        return f"line {error.line}, column {error.column}: {error.message}"
    wrong_name = name_mistake(key.type, key.name)
    if wrong_name is not None:
        return wrong_name[0]
    if key in sources or organization.find(key):
        return f"there is already a flow {key}"
    sources[key] = text
    return None


def _bind(organization: SimulatedOrganization, sources: dict[FlowKey, str]) -> None:
    """Bind callers after all callees exist, so that order and cycles do not matter."""
    for key, text in sources.items():
        flow = organization.find(key)
        if flow and flow.published:
            flow.published.bindings = dict(bindings(organization, text))
