"""The exit codes that programs may rely on (docs/commands.md)."""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.errors import (
    FlowLocked,
    Interrupted,
    Invalid,
    LeaseHeld,
    PenstockError,
    Refused,
    WindowClosed,
)

DONE = 0
"""Done, or nothing to do."""
ERROR = 1
CHANGES = 2
"""`plan --detailed-exitcode`: the plan has changes."""
REFUSED = 3
"""Safety, policy, a closed window, a lock or another controller said no; nothing was changed."""
INTERRUPTED = 130
"""Told to stop; the next run goes on."""
UNREAD = 141
"""The reader of the output went away: what a shell says of a program that the signal of a broken pipe ended."""


def of_all(codes: Iterable[int]) -> int:
    """The exit code of several organisations: an error counts more than a refusal, since then something is wrong."""
    found = set(codes) - {DONE}
    return ERROR if ERROR in found else max(found, default=DONE)


def for_error(error: PenstockError) -> int:
    """The exit code of an error, by its branch of the tree."""
    if isinstance(error, Interrupted):
        return INTERRUPTED
    if isinstance(error, Invalid):
        return ERROR
    return REFUSED if isinstance(error, Refused | WindowClosed | LeaseHeld | FlowLocked) else ERROR
