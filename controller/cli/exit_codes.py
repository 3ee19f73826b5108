"""The exit codes that programs may rely on (docs/reference/commands.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from controller.domain.errors.branches import Invalid, PenstockError, Refused
from controller.domain.errors.change import FlowLocked
from controller.domain.errors.delivery import LeaseHeld, WindowClosed
from controller.domain.errors.process import Interrupted

if TYPE_CHECKING:
    from controller.planning.model import Plan

DONE = 0
"""Done, or nothing to do."""
ERROR = 1
CHANGES = 2
"""`plan --detailed-exitcode`: the plan has changes."""
REFUSED = 3
"""Refused by safety, policy, a window, a lock or another controller; nothing was changed."""
INTERRUPTED = 130
"""Stopped by a signal; the next run resumes."""
CLOSED_STDOUT = 141
"""Stdout was closed early, for example by `head`; what a shell says of a program that SIGPIPE ended."""


def for_plans(plans: Iterable[Plan], *, detailed: bool) -> int:
    """The exit code of plans: 3 where a commit has to mend something, which wins over 2 for changes.

    A change that only waits for a person, a window, a lock or another controller does not count, nor does what the base
    of a view has as well.
    """
    found = list(plans)
    if any(plan.needs_commit for plan in found):
        return REFUSED
    changed = any(plan.shown or (plan.view is not None and not plan.view.empty) for plan in found)
    return CHANGES if detailed and changed else DONE


def of_all(codes: Iterable[int]) -> int:
    """The exit code of several organisations: an error wins over a refusal."""
    found = set(codes) - {DONE}
    return ERROR if ERROR in found else max(found, default=DONE)


def for_error(error: PenstockError) -> int:
    """The exit code of an error, by its branch of the tree."""
    if isinstance(error, Interrupted):
        return INTERRUPTED
    if isinstance(error, Invalid):
        return ERROR
    return REFUSED if isinstance(error, Refused | WindowClosed | LeaseHeld | FlowLocked) else ERROR
