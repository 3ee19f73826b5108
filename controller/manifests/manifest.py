"""Recognises the documents of a repository, and validates each against its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from pydantic import BaseModel

from controller.domain.desired import Origin
from controller.flows.yaml_reader import YamlNode
from controller.manifests.flow import FlowShape
from controller.manifests.organization import OrganizationShape
from controller.manifests.report import Report
from controller.manifests.schema import KINDS
from controller.manifests.shape import API_VERSION
from controller.manifests.tree import ManifestTree
from controller.manifests.validation import validated
from controller.manifests.wording import did_you_mean, one_of, quoted

S = TypeVar("S", bound=BaseModel)
_GROUP = API_VERSION.partition("/")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Manifest(Generic[S]):
    """A document, with its shape when it has no mistakes of its own. Compared by identity."""

    file: str
    node: YamlNode
    shape: S | None
    name: str | None
    """`metadata.name`, also of a document that is mistaken elsewhere; None when it is missing."""

    @property
    def folder(self) -> PurePosixPath:
        return _folder(self.file.rpartition("/")[0])

    def origin(self, *path: str | int) -> Origin:
        """The origin of a path of this document."""
        return Origin(self.file, *self.node.locate(path))

    def key_origin(self, *path: str | int) -> Origin:
        """The origin of the last key of a path."""
        return Origin(self.file, *self.node.locate(path, at_key=True))


@lru_cache(maxsize=4096)
def _folder(path: str) -> PurePosixPath:
    """One object for all manifests of a folder."""
    return PurePosixPath(path)


OrganizationManifest = Manifest[OrganizationShape]
FlowManifest = Manifest[FlowShape]


@dataclass(slots=True)
class Manifests:
    """All documents of a repository, in file order."""

    organizations: list[OrganizationManifest] = field(default_factory=list)
    flows: list[FlowManifest] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    """Text of the files with a part that could not be recognised; any manifest may be lost in it."""

    def extend(self, other: Manifests) -> None:
        """Add the documents of another part of the repository."""
        self.organizations.extend(other.organizations)
        self.flows.extend(other.flows)
        self.broken |= other.broken

    def may_define(self, name: str) -> bool:
        """Whether a name may be defined in a file that could not be recognised."""
        return any(name in text for text in self.broken.values())

    def broken_above(self, folder: PurePosixPath) -> bool:
        """Whether an organisation that owns this folder may have been lost in a broken file."""
        return any(folder.is_relative_to(PurePosixPath(file).parent) for file in self.broken)


def read_manifests(tree: ManifestTree, report: Report) -> Manifests:
    """Recognise and validate every document of the tree."""
    manifests = Manifests(broken=dict.fromkeys(tree.unread, ""))
    for file in tree.manifests:
        reading = file.reading
        recognised = [_kind_of(node, file.path, report) for node in reading.documents]
        ours = any(kind is not None for kind in recognised)
        if not reading.complete or "" in recognised:
            manifests.broken[file.path] = file.again()
        if ours or not reading.complete:
            for mistake in reading.mistakes:
                report.add(Origin(file.path, mistake.line, mistake.column), mistake.message, hint=mistake.hint)
        for node, kind in zip(reading.documents, recognised, strict=True):
            if kind == "Organization":
                manifests.organizations.append(_manifest(OrganizationShape, node, file.path, report))
            elif kind == "Flow":
                manifests.flows.append(_manifest(FlowShape, node, file.path, report))
    return manifests


def _manifest(shape: type[S], node: YamlNode, file: str, report: Report) -> Manifest[S]:
    name = node.get("metadata", "name")
    written = name.value if name is not None and isinstance(name.value, str) else None
    return Manifest(file, node, validated(shape, node, file, report), written)


def _kind_of(node: YamlNode, file: str, report: Report) -> str | None:
    """The kind of a document; None when it belongs to another tool; empty when it is ours but unknown."""
    version, kind = _text(node, "apiVersion"), _text(node, "kind")
    if version is None:
        return kind if kind in KINDS else None  # validation reports the missing apiVersion
    group = version.partition("/")[0]
    if group != _GROUP and (kind not in KINDS or did_you_mean(group, [_GROUP]) is None):
        return None
    if kind in KINDS:
        return kind  # validation reports the wrong apiVersion
    message, hint = f"kind must be {one_of(sorted(KINDS))}", None
    if kind is not None:
        message, hint = f"{message}, and not {quoted(kind)}", did_you_mean(kind, KINDS)
    elif (near := next((name for name in node.keys if name != "kind" and name.lower() == "kind"), None)) is not None:
        hint = f'write "kind" instead of {quoted(near)}'
    report.add(Origin(file, *node.locate(("kind",))), message, hint=hint)
    return ""


def _text(node: YamlNode, key: str) -> str | None:
    found = node.get(key)
    return found.value if found is not None and isinstance(found.value, str) else None
