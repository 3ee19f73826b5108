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
from controller.manifests.assembly import Assembly, Hosts
from controller.manifests.manifest import Manifests, read_manifests
from controller.manifests.ownership import Estate, assign, included_paths
from controller.manifests.report import Report
from controller.manifests.sources import FlowFiles
from controller.manifests.tree import Tree, scan
from controller.manifests.wording import did_you_mean, quoted

_FLOW_FILE = re.compile(rb"(?:[^\S\n]*+(?:---[^\S\n]*+)?(?:#[^\n]*+)?\n)*+[^\S\n]*+[\"']?(\w++)[\"']?:[^\S\n]*+\n")
"""Possessive, and no part but the last of a line takes its end: what does not fit is read in one way only."""
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
    gate_hosts: Collection[str] = (),
    loopback: bool = True,
    only: Collection[str] | None = None,
) -> Desired:
    """The desired state of the repository at `root`.

    `folder` limits where manifests are looked for; what they name may stand anywhere below `root`. `allowed_hosts` are
    those besides Genesys' own that get credentials, and `loopback` adds this machine; `gate_hosts` are the internal
    ones that gates may ask. `only` limits the load to organisations by name: neither the flow files nor the mistakes
    of others then matter.
    Raises ManifestInvalid with all mistakes, SettingsInvalid when a folder is none or `only` names nothing.
    """
    root = _checked(root)
    place = root if folder is None else _checked(folder)
    if not place.is_relative_to(root):
        raise SettingsInvalid(f"{folder} is not below {root}", hint="name a folder of the repository")
    report = Report()
    tree, manifests = _read(root, place, report)
    estates = assign(root, manifests, report)
    check_artifacts(manifests, report)
    selected = _selected(estates, only, manifests)
    files = FlowFiles(root, report)
    assembly = Assembly(manifests, files, Hosts(allowed_hosts, gate_hosts, loopback), report)
    organizations = [assembly.organization(estate) for estate in selected]
    mistakes = _concerning(report.mistakes, estates, selected)
    if mistakes:
        raise ManifestInvalid(mistakes)
    return Desired(
        organizations=tuple(sorted(filter(None, organizations), key=lambda organization: organization.name)),
        files=tuple(sorted({*(file.path for file in tree.manifests), *files.names})),
        unused=_unused(tree, files) if only is None else (),
    )


def _checked(folder: Path) -> Path:
    if not folder.is_dir():
        raise SettingsInvalid(f"{folder} is not a folder", hint="name a folder with manifests")
    return folder.resolve()


def _read(root: Path, place: Path, report: Report) -> tuple[Tree, Manifests]:
    """The manifests of a folder, and of what they include from outside of it."""
    tree = scan(root, [place], report)
    manifests = read_manifests(tree, report)
    outside = [path for path in included_paths(root, manifests) if path.exists() and not path.is_relative_to(place)]
    if outside:
        beyond = scan(root, outside, report)
        manifests.extend(read_manifests(beyond, report))
        tree = tree.joined(beyond)
    return tree, manifests


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
    try:
        with path.open("rb") as file:
            match = _FLOW_FILE.match(file.read(_OPENING_BYTES))
    except OSError:  # it went away since the tree was read
        return False
    return match is not None and match[1].decode("ascii", "replace") in ARCHY_ROOTS
