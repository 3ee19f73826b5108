"""Paths that a manifest writes, resolved; none of them leads out of the repository."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from controller.domain.files import Files, FileUnreadable, Kind, PathLost, followed, kind_of
from controller.flows.suggestion import near_miss
from controller.manifests.wording import quoted

FLOW_FILE_SUFFIXES = (".yaml", ".yml")
MAXIMUM_LENGTH = 4096


class PathRefused(Exception):  # noqa: N818 - the loader turns it into a mistake; it never leaves the package
    """A path that cannot be used, with the reason and a hint."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def resolved(files: Files, folder: PurePosixPath, written: str) -> str:
    """The path that a manifest in `folder` means, links followed.

    Raises PathRefused for paths that are absolute, lead out of the repository, also through links, into a submodule,
    or into hidden folders. Does not check that anything is there.
    """
    if "\\" in written or not written.isprintable():
        raise PathRefused("is not a path", "write / between folders, and no control characters")
    if written.startswith(("/", "~")) or (written[1:2] == ":" and PureWindowsPath(written).is_absolute()):
        raise PathRefused("must be relative to this manifest", "an absolute path is another one on every machine")
    if len(written) > MAXIMUM_LENGTH:
        raise PathRefused("is a link that leads in a circle, or too long a path")
    try:
        path = followed(files, f"{folder}/{written}")
    except PathLost as error:
        raise PathRefused(str(error), "put the file into the repository") from error
    if any(part.startswith(".") for part in path.split("/")):
        raise PathRefused("leads into a hidden folder", "put the file where everyone sees it")
    return path


def nearest(files: Files, path: str) -> str | None:
    """The hint with a close match for a path that is not there."""
    folder, _, name = path.rpartition("/")
    try:
        names = sorted(files.listing(folder))
    except FileUnreadable:
        return None
    beside = {PurePosixPath(each).stem: each for each in names if not each.startswith(".")}
    close = near_miss(PurePosixPath(name).stem, beside) if name else None
    return f"did you mean {quoted(beside[close])}?" if close is not None else None


def flow_file(files: Files, folder: PurePosixPath, written: str) -> str:
    """The flow file that a manifest in `folder` means. Raises PathRefused, also when there is none."""
    path = resolved(files, folder, written)
    if not path.lower().endswith(FLOW_FILE_SUFFIXES):
        raise PathRefused("must name a flow file that ends in .yaml or .yml")
    if kind_of(files, path) is not Kind.FILE:
        raise PathRefused(f"names {quoted(path)}, which does not exist", nearest(files, path))
    return path
