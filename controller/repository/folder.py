"""Artifacts in a plain folder, where there is no git."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from controller.domain.errors import RepositoryFailed
from controller.repository.artifacts import Edit
from controller.repository.recorded import apply_edit, lock_bytes, state_in_folder


def record_in_folder(top: Path, edit: Edit) -> bool:
    """Write an edit's files, the lock file last; whether anything changed. Raises RepositoryFailed."""
    before = state_in_folder(top, edit.lock_path, edit.organization)
    after = apply_edit(before, edit)
    files = dict(edit.files)
    if after != before:
        files[edit.lock_path] = lock_bytes(after)
    try:
        written = [path for path, content in files.items() if _put(top, path, content)]
    except OSError as error:
        raise RepositoryFailed(f"{top}: an artifact cannot be written: {error}") from error
    return bool(written)


def _put(top: Path, path: str, content: bytes) -> bool:
    """Replace one file as a whole, so that a crash leaves the old one or the new one; whether it differed."""
    target = top / path
    root = os.path.realpath(top)
    if os.path.commonpath([root, os.path.realpath(target)]) != root:
        raise RepositoryFailed(f"{target} leads out of the folder", hint="remove the link")
    with contextlib.suppress(FileNotFoundError):
        if target.read_bytes() == content:
            return False
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".penstock-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
    return True
