"""Detects changes: new revisions of a branch on the remote, and saved files in a folder."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from watchfiles import awatch

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.foreign_errors import as_fault
from controller.domain.waiting import first_of
from controller.repository.revision import below
from controller.repository.revision_reader import RevisionReader

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """When to ask the remote; all values in seconds."""

    interval_s: float = 30.0
    spread: float = 0.1
    """The random fraction of each interval, so that many controllers do not ask at once."""
    ceiling_s: float = 300.0
    """The longest pause after repeated failures."""
    wake: asyncio.Event | None = None
    """Setting it ends a pause: the remote is asked at once."""


async def follow(
    repository: RevisionReader,
    branch: str,
    *,
    clock: Clock,
    settings: FollowSettings | None = None,
    known: str | None = None,
    on_failure: Callable[[PenstockError], None] | None = None,
    on_recovery: Callable[[], None] | None = None,
) -> AsyncGenerator[str]:
    """Yield each new commit of the remote branch, without end; the first one at once unless it equals `seen`.

    A yielded commit has been fetched. The cost of asking does not depend on the size of the repository. If the remote
    does not answer, or the branch is missing, the next tries follow at growing intervals. `on_failure` is called for
    each failure, and `on_recovery` after the first success.
    """
    settings = settings or FollowSettings()
    failures = 0
    wake = settings.wake or asyncio.Event()
    while True:
        # Before the remote is asked: a push that is announced meanwhile may be too late for the answer.
        wake.clear()
        try:
            tip = await asyncio.to_thread(_tip, repository, branch, known)
        except Exception as error:  # noqa: BLE001 - kept as the fault of the check
            # After any error the branch is polled again: the service has no other source.
            failures += 1
            fault = as_fault(error, f"the branch {branch} cannot be read")
            _log.warning("follow.failed", branch=branch, failures=failures, error=fault.message)
            if on_failure is not None:
                on_failure(fault)
        else:
            if failures and on_recovery is not None:
                on_recovery()
            failures = 0
            if tip != known:
                known = tip
                yield tip
        await first_of(clock, _pause_s(settings, failures), wake)


async def watch(
    folder: Path, *, leave_out: tuple[str, ...] = (".git", "artifacts"), debounce_s: float = 0.5
) -> AsyncIterator[tuple[str, ...]]:
    """Yield the paths, relative to the folder and sorted, of files that were saved, added or removed together."""
    top = await asyncio.to_thread(folder.resolve)
    async for changes in awatch(top, debounce=int(debounce_s * 1000), step=50, rust_timeout=500):
        paths = {Path(path).relative_to(top).as_posix() for _, path in changes}
        wanted = tuple(sorted(path for path in paths if not below(path, leave_out)))
        if wanted:
            yield wanted


def _tip(repository: RevisionReader, branch: str, known: str | None) -> str:
    """The remote's commit, fetched where it is new. A failed fetch leaves it unseen, so that it is tried again."""
    tip = repository.remote_head(branch)
    return tip if tip == known else repository.fetch(branch, tip)


def _pause_s(settings: FollowSettings, failures: int) -> float:
    """The interval with a random variation; after failures, a random part (a half to all) of a doubling interval."""
    if failures == 0:
        return settings.interval_s * random.uniform(1 - settings.spread, 1 + settings.spread)  # noqa: S311
    ceiling = min(max(settings.ceiling_s, settings.interval_s), settings.interval_s * 2 ** min(failures, 16))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing
