"""Finds the manifest files of a repository and reads them; follows no link that leads out of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from controller.domain.desired import Origin
from controller.manifests.report import Report
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

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file that holds manifests."""

    path: str
    """Relative to the repository, with `/`."""
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tree:
    """What was found in a repository."""

    root: Path
    """Absolute, links resolved."""
    manifests: tuple[ManifestFile, ...]
    others: tuple[str, ...]
    """Other YAML files: flow files, or something of another tool."""
    unread: tuple[str, ...]
    """Files that look like manifests and could not be read; each has its mistake in the report."""

    def joined(self, other: Tree) -> Tree:
        """Both trees as one."""
        return Tree(self.root, self.manifests + other.manifests, self.others + other.others, self.unread + other.unread)


def scan(root: Path, places: Sequence[Path], report: Report) -> Tree:
    """Read every manifest at or below some places of the root, in path order. All paths are absolute and resolved."""
    manifests: list[ManifestFile] = []
    others: list[str] = []
    unread: list[str] = []
    for path in _distinct(
        root, sorted({path for place in places for path in _yaml_files(root, place, report)}), report
    ):
        name = path.relative_to(root).as_posix()
        try:
            content = _content(path)
        except OSError as error:
            report.add(_origin(name), f"the file cannot be read: {error.strerror or type(error).__name__}")
            unread.append(name)
            continue
        if not _LOOKS_LIKE_MANIFEST.search(content):
            others.append(name)
        elif not name.isprintable():
            report.add(_origin(name), "the file's name holds characters that cannot be shown", hint="rename it")
            unread.append(name)
        elif (text := decode(name, content, report)) is None:
            unread.append(name)
        else:
            manifests.append(ManifestFile(name, text))
    return Tree(root, tuple(manifests), tuple(others), tuple(unread))


def decode(name: str, content: bytes, report: Report) -> str | None:
    """The text of a file, or None after reporting why it has none: too large, not UTF-8."""
    if len(content) > MAXIMUM_BYTES:
        report.add(Origin(name), f"the file is larger than {MAXIMUM_BYTES // 1024**2} MiB", hint="split it")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        origin = Origin(name, before.count(b"\n") + 1, column)
        report.add(origin, f"the file is not UTF-8: byte 0x{content[error.start]:02x}", hint="save it as UTF-8")
        return None


def _origin(name: str) -> Origin:
    return Origin(name if name.isprintable() else quoted(name))


def _content(path: Path) -> bytes:
    """The file's bytes; of one that is too large, so much that this shows and that its kind can be told."""
    with path.open("rb") as file:
        start = file.read(_SNIFFED_BYTES)
        if len(start) == _SNIFFED_BYTES and (os.fstat(file.fileno()).st_size <= MAXIMUM_BYTES or _matches(start)):
            start += file.read(MAXIMUM_BYTES + 1 - len(start))
        return start


def _matches(start: bytes) -> bool:
    return _LOOKS_LIKE_MANIFEST.search(start) is not None


def _yaml_files(root: Path, place: Path, report: Report) -> Iterator[Path]:
    if not place.is_dir():
        yield from [place] if place.name.endswith(_SUFFIXES) else []
        return

    def unreadable(error: OSError) -> None:
        name = Path(error.filename).relative_to(root).as_posix()
        report.add(_origin(name), f"the folder cannot be read: {error.strerror or type(error).__name__}")

    for folder, folders, files in os.walk(place, onerror=unreadable):
        here = Path(folder)
        if here != place and (LOCK_FILE in files or "pyvenv.cfg" in files):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS]
        for name in folders:
            if os.path.islink(here / name):  # noqa: PTH114 - False also where the path is too long to be asked for
                log.info("manifests.link_skipped", folder=(here / name).relative_to(root).as_posix())
        yield from (here / name for name in files if name.endswith(_SUFFIXES) and not name.startswith("."))


def _distinct(root: Path, paths: list[Path], report: Report) -> Iterator[Path]:
    """Each regular file once, also when links lead to it; a link that leads out or nowhere is a mistake."""
    real = {path for path in paths if not os.path.islink(path)}  # noqa: PTH114 - as above
    seen: set[Path] = set()
    for path in paths:
        if path in real:
            if _is_regular(path):
                yield path
            continue
        origin = _origin(path.relative_to(root).as_posix())
        target = _target(path)
        if target is not None and not target.is_relative_to(root):
            report.add(origin, "this link leads out of the repository", hint="put the file itself here")
        elif target is None or not target.is_file():
            report.add(origin, "this link leads to nothing that can be read", hint="remove it, or add its target")
        elif target not in real and target not in seen:
            seen.add(target)
            yield path


def _is_regular(path: Path) -> bool:
    """Whether it is a file and no pipe or device, which would never end; not one that went away meanwhile."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # reading it tells what is wrong with it


def _target(link: Path) -> Path | None:
    """Where a link leads in the end; None when it leads in a circle."""
    try:
        return link.resolve()
    except (OSError, RuntimeError):
        return None
