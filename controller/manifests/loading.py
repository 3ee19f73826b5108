"""Loads a repository: every manifest below its root, or every mistake in them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from controller.domain.desired import Organization
from controller.domain.errors import ManifestInvalid, Mistake, SettingsInvalid
from controller.flows import ARCHY_ROOTS
from controller.manifests.artifacts import check_artifacts
from controller.manifests.assembly import Surroundings, assemble
from controller.manifests.manifest import Manifests, read_manifests
from controller.manifests.ownership import Estate, assign
from controller.manifests.report import Report
from controller.manifests.sources import FlowFiles
from controller.manifests.tree import Tree, scan
from controller.manifests.wording import did_you_mean, quoted

_FLOW_FILE = re.compile(rb"(?:\s*(?:#[^\n]*|---)?\n)*\s*[\"']?(\w+)[\"']?:\s*\n")
_OPENING_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Desired:
    """What a repository asks for."""

    organizations: tuple[Organization, ...] = ()
    """Sorted by name; none when the repository holds no `Organization`."""
    files: tuple[str, ...] = ()
    """Manifests and flow files that were read, relative to the root, sorted."""
    unused: tuple[str, ...] = ()
    """Flow files that no manifest uses, sorted; empty when only some organisations were asked for."""


def load(
    root: Path,
    *,
    folder: Path | None = None,
    allowed_hosts: Collection[str] = (),
    only: Collection[str] | None = None,
) -> Desired:
    """The desired state of the repository at `root`, or of the manifests in one folder of it.

    Paths in manifests may lead anywhere below `root`, wherever the manifests stand.
    `allowed_hosts` are the operator's additions to the hosts that may be called. `only` limits the load to
    organisations by name: neither the flow files nor the mistakes of others then matter.
    Raises ManifestInvalid with all mistakes, SettingsInvalid when `root` is no folder or `only` names nothing.
    """
    if not root.is_dir():
        raise SettingsInvalid(f"{root} is not a folder", hint="name the root of a repository with manifests")
    report = Report()
    tree = scan(root, report, folder)
    manifests = read_manifests(tree, report)
    estates = assign(tree.root, manifests, report)
    check_artifacts(manifests, report)
    selected = _selected(estates, only, manifests)
    files = FlowFiles(tree.root, report)
    surroundings = Surroundings(tree.root, manifests, files, allowed_hosts, report)
    organizations = [assemble(estate, surroundings) for estate in selected]
    mistakes = _concerning(report.mistakes, estates, selected)
    if mistakes:
        raise ManifestInvalid(mistakes)
    return Desired(
        organizations=tuple(sorted(filter(None, organizations), key=lambda organization: organization.name)),
        files=tuple(sorted({*(file.path for file in tree.manifests), *files.names})),
        unused=_unused(tree, files) if only is None else (),
    )


def _selected(estates: tuple[Estate, ...], only: Collection[str] | None, manifests: Manifests) -> tuple[Estate, ...]:
    if only is None:
        return estates
    names = {estate.organization.name for estate in estates if estate.organization.name is not None}
    for name in sorted(only):
        if name not in names and not manifests.may_define(name):
            hint = did_you_mean(name, names) or f"there are {', '.join(sorted(names)) or 'none'}"
            raise SettingsInvalid(f"no organisation is called {quoted(name)}", hint=hint)
    return tuple(estate for estate in estates if estate.organization.name in only)


def _concerning(
    mistakes: tuple[Mistake, ...], estates: tuple[Estate, ...], selected: tuple[Estate, ...]
) -> list[Mistake]:
    """The mistakes that are not in the folders and includes of other organisations alone."""
    others = [estate for estate in estates if estate not in selected]

    def foreign(file: str) -> bool:
        return any(estate.holds(file) for estate in others) and not any(estate.holds(file) for estate in selected)

    return [mistake for mistake in mistakes if not foreign(mistake.origin.file)]


def _unused(tree: Tree, files: FlowFiles) -> tuple[str, ...]:
    read = set(files.names)
    return tuple(name for name in tree.others if name not in read and _is_flow_file(tree.root / name))


def _is_flow_file(path: Path) -> bool:
    with path.open("rb") as file:
        match = _FLOW_FILE.match(file.read(_OPENING_BYTES))
    return match is not None and match[1].decode("ascii", "replace") in ARCHY_ROOTS
