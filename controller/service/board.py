"""The current state of each organisation: written by the workers, read by probes and people."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.foreign_errors import as_fault
from controller.domain.status import Health, SyncStatus
from controller.domain.wording import counted
from controller.reconcile.report import PassReport

NOT_LOOKED_YET: Final = "the first pass has not ended yet"
"""What is shown of an organisation until then."""
SLOW_S: Final = 60.0
"""Seconds for which the first reading of a repository is waited for."""
ELSEWHERE: Final = "another replica looks after it"
"""What is shown of an organisation of which the store tells nothing yet."""


@dataclass(frozen=True, slots=True)
class BoardEntry:
    """The last pass over one organisation, as it is shown."""

    organization: str
    status: SyncStatus
    health: Health
    revision: str | None
    message: str
    at: datetime
    warnings: tuple[str, ...] = ()
    looked_fully_at: datetime | None = None
    """When all flows of the organisation were last read; None without such a look."""
    awaited: bool = False
    """Whether the first pass has not ended."""


@dataclass(slots=True)
class RepositoryEntry:
    """A repository, as it is shown."""

    name: str
    since_s: float
    """When the controller began to follow it, by the monotonic clock."""
    revision: str | None = None
    """The newest revision that was read without a mistake."""
    fault: str | None = None
    """Why the newest revision could not be read."""
    refused: tuple[str, ...] = ()
    """Why organisations that it describes are not delivered."""

    @property
    def message(self) -> str | None:
        """The fault and what is refused, for people; None where all is well."""
        return "; ".join(filter(None, (self.fault, *self.refused))) or None


@dataclass(slots=True)
class Board:
    clock: Clock
    repositories: list[RepositoryEntry] = field(default_factory=list)
    """In the order of the configuration."""
    _entries: dict[str, BoardEntry] = field(default_factory=dict)
    joined: bool = False
    """Whether the replicas agreed for the first time which organisations this process looks after."""
    _wanted: frozenset[str] = frozenset()
    """Those that this process looks after."""
    _broken: set[str] = field(default_factory=set)
    """Organisations with an internal fault in their last pass."""

    def follow(self, name: str) -> RepositoryEntry:
        """The entry of a repository that is followed from now on."""
        self.repositories.append(RepositoryEntry(name, self.clock.monotonic()))
        return self.repositories[-1]

    @property
    def revision(self) -> str | None:
        """That of the only repository; None where there are several."""
        return self.repositories[0].revision if len(self.repositories) == 1 else None

    @property
    def fault(self) -> str | None:
        """The faults of all repositories."""
        if len(self.repositories) == 1:
            return self.repositories[0].message
        return "; ".join(f"{each.name}: {each.message}" for each in self.repositories if each.message) or None

    def waits_for(self, repository: RepositoryEntry) -> bool:
        """Whether a repository was not read yet. One that cannot be read, or not for a minute, is not waited for."""
        late_s = self.clock.monotonic() - SLOW_S
        return repository.revision is None and repository.fault is None and repository.since_s > late_s

    def expect(self, organizations: Iterable[str], assigned: Collection[str]) -> None:
        """Show only these organisations from now on; of those not `assigned` another replica knows more."""
        self._wanted = frozenset(assigned)
        known = {name: entry for name, entry in self._entries.items() if name in self._wanted}
        self._entries = {name: known.get(name) or self._unseen(name) for name in organizations}

    def _unseen(self, name: str) -> BoardEntry:
        message = NOT_LOOKED_YET if name in self._wanted else ELSEWHERE
        return self._unknown(name, message, awaited=True)

    def post(self, report: PassReport) -> None:
        """Note how a pass ended."""
        self._broken.discard(report.organization)
        self._entries[report.organization] = BoardEntry(
            report.organization,
            report.sync_status,
            report.health,
            report.revision,
            report_message(report),
            self.clock.now(),
            report.plan.warnings if report.plan is not None else (),
            self._looked_fully_at(report),
        )

    def post_fault(self, organization: str, error: Exception) -> None:
        """Note a pass without a report: its state is unknown, and after an internal fault the service is not ready."""
        if not isinstance(error, PenstockError):
            self._broken.add(organization)
        self._entries[organization] = self._unknown(organization, as_fault(error, "the pass ended").message)

    def _looked_fully_at(self, report: PassReport) -> datetime | None:
        """Of this pass; of an earlier one if this one ended before it looked."""
        known = self._entries.get(report.organization)
        return report.looked_fully_at or (known.looked_fully_at if known is not None else None)

    def _unknown(self, organization: str, message: str, *, awaited: bool = False) -> BoardEntry:
        now = self.clock.now()
        known = self._entries.get(organization)
        return BoardEntry(
            organization,
            SyncStatus.UNKNOWN,
            Health.UNKNOWN,
            None,
            message,
            now,
            looked_fully_at=known.looked_fully_at if known is not None else None,
            awaited=awaited,
        )

    def entries(self) -> list[BoardEntry]:
        """All organisations, by name."""
        return [self._entries[name] for name in sorted(self._entries)]

    @property
    def ready(self) -> bool:
        """Whether the repositories were read, all organisations of this process had a pass, and no worker is broken."""
        waiting = any(self.waits_for(each) for each in self.repositories)
        read = any(each.revision is not None for each in self.repositories) and not waiting
        seen = not any(self._entries[name].awaited for name in self._wanted)
        return self.joined and read and seen and self._wanted.isdisjoint(self._broken)


def report_message(report: PassReport) -> str:
    """How the pass ended, for people."""
    if report.error is not None:
        return "; ".join((report.error.message, *(drift.message for drift in report.moved)))
    held_back = "; ".join(f"{change.flow}: {change.blocked.message}" for change in report.blocked if change.blocked)
    if report.result is not None:
        failed = "; ".join(step.error.message for step in report.result.steps if step.error is not None)
        parts = (f"sync {report.result.outcome.value}", failed, held_back and f"blocked: {held_back}")
        return "; ".join(filter(None, parts))
    if held_back:
        return f"blocked: {held_back}"
    if report.plan is not None and not report.plan.empty:
        return f"{counted(len(report.plan.actions), 'change')} planned"
    if report.plan is not None and report.plan.drift:
        return "; ".join(drift.message for drift in report.plan.drift)
    return "in sync"
