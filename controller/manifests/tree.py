"""Finds the manifest files of a repository and reads them; follows no link that leads out of it.

A file that may be a manifest and cannot be read is a mistake: without it the manifest would count as deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from controller.domain.desired import Origin
from controller.domain.files import (
    Budget,
    Files,
    FileUnreadable,
    Kind,
    PathLost,
    as_utf8,
    followed,
    is_below,
    joined,
    kind_of,
)
from controller.flows.roots import ARCHY_ROOTS
from controller.manifests.documents import FileFacts, FileRole, Reading, file_facts, read_documents
from controller.manifests.report import Report
from controller.manifests.source_facts import FactCache, NoCache, file_key
from controller.manifests.wording import quoted

MAXIMUM_BYTES = 5 * 1024 * 1024
"""The largest manifest or flow file that is read."""
LOCK_FILE = "penstock.lock.yaml"
"""A folder that holds it is written by the controller alone and holds no manifests."""
_SUFFIXES = (".yaml", ".yml")
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__"})
_SNIFFED_BYTES = 64 * 1024
_LOOKS_LIKE_MANIFEST = re.compile(
    rb"""(?m)^[ \t{,"']*(?:apiVersion["']?\s*:\s*["']?penst|kind["']?\s*:\s*["']?(?:Flow|Organi[sz]ation)\b)"""
)
_FLOW_FILE = re.compile(rb"(?:[^\S\n]*+(?:---[^\S\n]*+)?(?:#[^\n]*+)?\n)*+[^\S\n]*+[\"']?(\w++)[\"']?:[^\S\n]*+\n")
"""Possessive, and only the last part of a line matches its end, so that a mismatch is found in linear time."""
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_SIZE = re.compile(rb"^size (\d+)$", re.MULTILINE)
_GIT_CRYPT = b"\0GITCRYPT\0"


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file that holds manifests."""

    path: str
    """Relative to the repository, with `/`."""
    reading: Reading = field(repr=False)
    again: Callable[[], str] = field(repr=False)
    """Gives the text once more; empty where it cannot be read any more. Texts are not kept."""


@dataclass(slots=True)
class ManifestTree:
    """The manifests and flow files of a repository."""

    manifests: list[ManifestFile] = field(default_factory=list)
    flow_files: list[str] = field(default_factory=list)
    """Files that look like flow files; whether a manifest uses them is not known here."""
    unread: list[str] = field(default_factory=list)
    """Files that are or may be manifests and could not be read; each has its mistake in the report."""

    def extend(self, other: ManifestTree) -> None:
        """Add the files of another part of the repository."""
        self.manifests += other.manifests
        self.flow_files += other.flow_files
        self.unread += other.unread


def scan(
    files: Files, places: Sequence[str], report: Report, budget: Budget, cache: FactCache | None = None
) -> ManifestTree:
    """Read every manifest at or below some places, in path order; none that the cache knows."""
    scanner = _Scanner(files, report, budget, cache or NoCache())
    found = {path: kind for place in places for path, kind in _yaml_files(files, place, report, budget)}
    for path, real in _distinct(files, found, report):
        scanner.read(path, real)
    return scanner.tree


class _Scanner:
    """Sorts files into a tree."""

    def __init__(self, files: Files, report: Report, budget: Budget, cache: FactCache) -> None:
        self.tree = ManifestTree()
        self._files = files
        self._report = report
        self._budget = budget
        self._cache = cache

    def read(self, path: str, real: str) -> None:
        """Sort in the file at `path`; `real` is where links lead."""
        try:
            identity = self._files.object_id(real)
            key = None if identity is None else file_key(identity)
            known = None if key is None else file_facts(self._cache.get(key))
            if known is not None:
                self._budget.read(known.size)
                self._sort_in(path, real, known.role, Reading(list(known.documents)))
                return
            content = self._files.content(real, MAXIMUM_BYTES)
            start = self._files.opening(real, _SNIFFED_BYTES) if content is None else content
        except FileUnreadable as error:
            self._report.add(_origin(path), f"the file cannot be read: {error}")
            self.tree.unread.append(path)
            return
        self._budget.read(len(start))
        role, reading = _role(start), None
        if role is FileRole.MANIFEST and path.isprintable():
            text = decode(path, content, self._report)
            reading = None if text is None else read_documents(text)
        self._sort_in(path, real, role, reading)
        if key is not None and content is not None:
            self._keep(key, len(content), role, reading)

    def _sort_in(self, path: str, real: str, role: FileRole, reading: Reading | None) -> None:
        if role is FileRole.FLOW_FILE:
            self.tree.flow_files.append(path)
        elif role is FileRole.MANIFEST and not path.isprintable():
            message = "the file's name holds characters that cannot be shown"
            self._report.add(_origin(path), message, hint="rename it")
            self.tree.unread.append(path)
        elif role is FileRole.MANIFEST and reading is None:
            self.tree.unread.append(path)
        elif reading is not None and role is FileRole.MANIFEST:
            self.tree.manifests.append(ManifestFile(path, reading, partial(_text_again, self._files, real)))

    def _keep(self, key: bytes, size: int, role: FileRole, reading: Reading | None) -> None:
        """Cache what is known of a content; of manifests only those without mistakes."""
        if role is FileRole.MANIFEST and (reading is None or reading.mistakes):
            return
        facts = FileFacts(size, role, tuple(reading.documents) if reading is not None else ())
        body = facts.encoded()
        if body is not None:
            self._cache.put(key, body)


def _role(start: bytes) -> FileRole:
    if looks_like_manifest(start):
        return FileRole.MANIFEST
    match = _FLOW_FILE.match(start[:_SNIFFED_BYTES])
    is_flow = match is not None and match[1].decode("ascii", "replace") in ARCHY_ROOTS
    return FileRole.FLOW_FILE if is_flow else FileRole.OTHER


def _text_again(files: Files, path: str) -> str:
    try:
        return decode(path, files.content(path, MAXIMUM_BYTES), Report()) or ""
    except FileUnreadable:
        return ""


def manifest_files(files: Files, places: Sequence[str], budget: Budget, among: Callable[[str], bool]) -> list[str]:
    """The files at or below some places that look like manifests, of those that `among` picks."""
    found = {path for place in places for path, _ in _yaml_files(files, place, Report(), budget)}
    picked = []
    for path in sorted(filter(among, found)):
        try:
            real = followed(files, path)
            start = files.content(real, MAXIMUM_BYTES) or files.opening(real, _SNIFFED_BYTES)
        except (FileUnreadable, PathLost):
            continue
        budget.read(len(start))
        if looks_like_manifest(start):
            picked.append(path)
    return picked


def looks_like_manifest(content: bytes) -> bool:
    """Whether a file is a manifest, or may be one that cannot be read."""
    if content.startswith(_GIT_CRYPT):
        return True
    if content.startswith(_LFS_POINTER):
        size = _LFS_SIZE.search(content)
        return size is None or int(size[1]) <= MAXIMUM_BYTES
    try:
        plain = as_utf8(content)
    except UnicodeDecodeError:
        plain = content
    # Without a mark, UTF-16 and UTF-32 are ASCII with zero bytes between.
    return _LOOKS_LIKE_MANIFEST.search(plain.replace(b"\0", b"")) is not None


def decode(name: str, content: bytes | None, report: Report) -> str | None:
    """The text of a file, or None after reporting why it has none: too large (None), stored elsewhere, no text."""
    origin = Origin(name)
    if content is None:
        message, hint = f"the file is larger than {MAXIMUM_BYTES // 1024**2} MiB", "split it"
    elif content.startswith(_LFS_POINTER):
        message = "the file is a Git LFS pointer, which only says where the content is"
        hint = "put the file itself into git, with: git lfs migrate export --include=FILE"
    elif content.startswith(_GIT_CRYPT):
        message, hint = "the file is encrypted by git-crypt", "put it into git as it is"
    else:
        try:
            return as_utf8(content).decode("utf-8")
        except UnicodeDecodeError as error:
            message, hint = f"the file is not {error.encoding}, as its first bytes say", "save it as UTF-8"
            if error.encoding.startswith("utf-8"):
                before = content[: error.start]
                column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
                origin = Origin(name, before.count(b"\n") + 1, column)
                message = f"the file is not UTF-8: byte 0x{content[error.start]:02x}"
    report.add(origin, message, hint=hint)
    return None


def _origin(name: str) -> Origin:
    return Origin(name if name.isprintable() else quoted(name))


def _yaml_files(files: Files, place: str, report: Report, budget: Budget) -> Iterator[tuple[str, Kind]]:
    """Files and links with a YAML suffix, and their kinds."""
    if kind_of(files, place) is not Kind.FOLDER:
        yield from [(place, Kind.FILE)] if _is_yaml(place) else []
        return
    ahead = [place]
    while ahead:
        folder = ahead.pop()
        try:
            listing = files.listing(folder)
        except FileUnreadable as error:
            report.add(_origin(folder), f"the folder cannot be read: {error}")
            continue
        budget.enter(folder, len(listing))
        if folder != place and (LOCK_FILE in listing or "pyvenv.cfg" in listing):
            continue
        for name, kind in listing.items():
            if name.startswith(".") or name in _SKIPPED_FOLDERS:
                continue
            if kind is Kind.FOLDER:
                ahead.append(joined(folder, name))
            elif _is_yaml(name) and (kind is Kind.FILE or kind is Kind.LINK):
                yield joined(folder, name), kind
            elif kind is Kind.LINK:
                _tell_folder_link(files, joined(folder, name), place, report, budget)


def _tell_folder_link(files: Files, link: str, place: str, report: Report, budget: Budget) -> None:
    """Report a link to a folder that is not searched anyway and holds manifests: they would count as deleted."""
    try:
        folder = followed(files, link)
    except PathLost:
        return  # its target is not in the repository
    if is_below(folder, place) or is_below(place, folder) or kind_of(files, folder) is not Kind.FOLDER:
        return
    held = any(kind is Kind.FILE and _is_yaml(name) for name, kind in files.listing(folder).items())
    if held and manifest_files(files, [folder], budget, lambda _: True):
        message = "this link leads to a folder with manifests, and no link to a folder is followed"
        report.add(_origin(link), message, hint=f"name {quoted(folder)} in spec.include of the organisation instead")


def _is_yaml(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _distinct(files: Files, found: Mapping[str, Kind], report: Report) -> Iterator[tuple[str, str]]:
    """Each file once with its real path, also when links lead to it; a link to anything else is a mistake."""
    seen: set[str] = set()
    for path in sorted(found):
        if found[path] is Kind.FILE:
            yield path, path
            continue
        try:
            real = followed(files, path)
        except PathLost as error:
            _tell_lost_link(path, str(error), report)
            continue
        if kind_of(files, real) is not Kind.FILE:
            _tell_lost_link(path, "", report)
        elif found.get(real) is not Kind.FILE and real not in seen:
            seen.add(real)
            yield path, real


def _tell_lost_link(link: str, reason: str, report: Report) -> None:
    message, hint = "this link leads to nothing that can be read", "remove it, or add its target"
    if reason.startswith("leads out of"):
        message, hint = "this link leads out of the repository", "put the file itself here"
    elif "submodule" in reason:
        message, hint = f"this link {reason}", "put the file itself here"
    report.add(_origin(link), message, hint=hint)
