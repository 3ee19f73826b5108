"""Paths that a manifest writes, resolved; none of them leads out of the repository."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from controller.flows.suggestion import near_miss
from controller.manifests.wording import quoted

FLOW_FILE_SUFFIXES = (".yaml", ".yml")


class PathRefused(Exception):  # noqa: N818 - the loader turns it into a mistake; it never leaves the package
    """Why a path cannot be used, and what to write instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def resolved(root: Path, folder: PurePosixPath, written: str) -> Path:
    """The absolute path that a manifest in `folder` means, links resolved.

    Raises PathRefused for paths that are absolute, lead out of the repository, also through links, or into hidden
    folders. Whether anything is there is the caller's question.
    """
    if "\\" in written or not written.isprintable():
        raise PathRefused("is not a path", "write / between folders, and no control characters")
    if PurePosixPath(written).is_absolute() or PureWindowsPath(written).is_absolute() or written.startswith("~"):
        raise PathRefused("must be relative to this manifest", "an absolute path is another one on every machine")
    try:
        path = (root / folder / written).resolve()
    except (OSError, RuntimeError) as error:
        raise PathRefused("is a link that leads in a circle, or too long a path") from error
    if not path.is_relative_to(root):
        raise PathRefused("leads out of the repository", "whatever is needed must be in the repository")
    if any(part.startswith(".") for part in path.relative_to(root).parts):
        raise PathRefused("leads into a hidden folder", "put the file where everyone sees it")
    return path


def nearest(path: Path) -> str | None:
    """The hint that names what may have been meant by a path that is not there."""
    try:
        beside = {entry.stem: entry.name for entry in sorted(path.parent.iterdir()) if not entry.name.startswith(".")}
    except OSError:
        return None
    close = near_miss(path.stem, beside)
    return f"did you mean {quoted(beside[close])}?" if close is not None else None


def flow_file(root: Path, folder: PurePosixPath, written: str) -> Path:
    """The flow file that a manifest in `folder` means. Raises PathRefused, also when there is none."""
    path = resolved(root, folder, written)
    if path.suffix not in FLOW_FILE_SUFFIXES:
        raise PathRefused("must name a flow file that ends in .yaml or .yml")
    if not _is_file(path):
        name = path.relative_to(root).as_posix()
        raise PathRefused(f"names {quoted(name)}, which does not exist", nearest(path))
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False
