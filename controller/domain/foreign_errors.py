"""Converts errors that were not raised on purpose, of libraries and of our own mistakes, to errors of the tree."""

from __future__ import annotations

import errno
import traceback
from pathlib import PurePath

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import InternalFault, ResourcesExhausted

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


def out_of_resources(error: Exception, what: str) -> ResourcesExhausted | None:
    """The error as a lack of files, processes or memory; None for any other error."""
    if isinstance(error, MemoryError):
        return ResourcesExhausted(f"{what}: no memory is left")
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        return ResourcesExhausted(f"{what}: {error.strerror or 'no resources are left'}")
    return None


def as_fault(error: Exception, what: str) -> PenstockError:
    """Convert any error to one of this tree. `what` names the failed operation. Unforeseen errors lose their text."""
    if isinstance(error, PenstockError):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    unforeseen = InternalFault(f"{what}: internal error ({type(error).__name__}{where})")
    return out_of_resources(error, what) or unforeseen
