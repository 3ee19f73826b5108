"""Removes what is too old: finished syncs, and facts about versions that later ones replaced.

Never what is unfinished, the latest step of a flow, what a rollback needs, or an approval that was not used yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, ScalarSelect, delete, exists, select, tuple_

from controller.domain.clock import Clock
from controller.domain.status import StepState
from controller.store.approvals import promoted
from controller.store.database import Database, StorePart
from controller.store.journal import UNFINISHED_IDS
from controller.store.schema import approvals, facts, latest_steps, quarantines, steps, syncs

HISTORY_DAYS: Final = 400
KEPT_VERSIONS: Final = 3
"""How many versions of each flow, those that were live last, keep the syncs that made them live."""
_BATCH: Final = 100
_Fact = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Old:
    """Rows that may be removed."""

    syncs: Sequence[int] = ()
    facts: Sequence[_Fact] = ()

    def batches(self) -> Iterator[Old]:
        """The same rows in parts that are small enough for one transaction."""
        for first in range(0, len(self.syncs), _BATCH):
            yield Old(syncs=self.syncs[first : first + _BATCH])
        for first in range(0, len(self.facts), _BATCH):
            yield Old(facts=self.facts[first : first + _BATCH])


class History(StorePart):
    """Every method may raise StoreFailed."""

    def __init__(self, database: Database, clock: Clock, keep_days: int = HISTORY_DAYS) -> None:
        super().__init__(database, clock)
        self._keep = timedelta(days=keep_days)

    def old(self) -> Old:
        """All rows that may be removed, oldest first. Reads the whole history once if there are any."""
        limit = self._limit()
        with self._database.read() as connection:
            ended = connection.execute(_ENDED.where(syncs.c.finished_at < limit)).scalars().all()
            kept = _needed(connection) if ended else set()
            replaced = connection.execute(_REPLACED.where(facts.c.at < limit)).all()
        return Old([each for each in ended if each not in kept], [_fact(*row) for row in replaced])

    def remove(self, batch: Old) -> int:
        """Remove one batch in one transaction, except what is needed by now; returns how many syncs went."""
        with self._database.write() as connection:
            if batch.facts:
                connection.execute(delete(facts).where(_FACT.in_(batch.facts)))
            return _remove_syncs(connection, batch.syncs) if batch.syncs else 0

    def remove_released(self) -> int:
        """Remove quarantines that were released before the limit; returns how many."""
        return self._write(delete(quarantines).where(quarantines.c.released_at < self._limit()))

    def _limit(self) -> datetime:
        return self._clock.now() - self._keep


_OF_LATEST: Final[ScalarSelect[int]] = select(steps.c.sync_id).join(latest_steps).scalar_subquery()
_ENDED: Final = (
    select(syncs.c.id).where(syncs.c.id.not_in(UNFINISHED_IDS), syncs.c.id.not_in(_OF_LATEST)).order_by(syncs.c.id)
)
_MADE_LIVE: Final = (
    select(
        *(syncs.c.organization, steps.c.type, steps.c.name, steps.c.live_version),
        *(steps.c.previous_version, steps.c.state, steps.c.sync_id),
    )
    .select_from(steps.join(syncs))
    .where(steps.c.live_version.is_not(None))
    .order_by(steps.c.id.desc())
)
_FACT: Final = tuple_(facts.c.organization, facts.c.flow_id, facts.c.version, facts.c.kind)
_later = facts.alias("later")
_REPLACED: Final = select(facts.c.organization, facts.c.flow_id, facts.c.version, facts.c.kind).where(
    exists().where(
        _later.c.organization == facts.c.organization,
        _later.c.flow_id == facts.c.flow_id,
        _later.c.version != facts.c.version,
        _later.c.at > facts.c.at,
    )
)


def _needed(connection: Connection) -> set[int]:
    """The syncs that a rollback of any flow may ask for.

    Of each of its last versions these are the newest step that recorded it, and the newest that replaced another
    version with it.
    """
    needed: set[int] = set()
    versions: dict[tuple[str, str, str], dict[str, set[bool]]] = {}
    for organization, type_, name, version, previous, state, sync_id in connection.execute(_MADE_LIVE):
        known = versions.setdefault((organization, type_, name), {})
        if version not in known and len(known) == KEPT_VERSIONS:
            continue
        roles = known.setdefault(version, set())
        replaces = previous not in (None, version)
        found = {role for role, holds in ((True, replaces), (False, state == StepState.RECORDED.value)) if holds}
        if found - roles:
            roles |= found
            needed.add(sync_id)
    return needed


def _remove_syncs(connection: Connection, ids: Sequence[int]) -> int:
    """Remove syncs with their steps and writes, and the approvals that they used up."""
    chosen = _ENDED.where(syncs.c.id.in_(ids))
    found = select(syncs.c.id, syncs.c.organization, syncs.c.plan_digest).where(syncs.c.id.in_(chosen))
    gone = connection.execute(found).all()
    their_steps = select(steps.c.id, syncs.c.organization).join(syncs).where(syncs.c.id.in_([row.id for row in gone]))
    words = {(organization, promoted(step_id)) for step_id, organization in connection.execute(their_steps)}
    connection.execute(delete(syncs).where(syncs.c.id.in_([row.id for row in gone])))
    plans = {(row.organization, row.plan_digest) for row in gone}
    still = select(syncs.c.organization, syncs.c.plan_digest).where(
        syncs.c.plan_digest.in_({digest for _, digest in plans})
    )
    used_up = sorted(words | plans - {(row.organization, row.plan_digest) for row in connection.execute(still)})
    for first in range(0, len(used_up), _BATCH):
        approved = tuple_(approvals.c.organization, approvals.c.digest)
        connection.execute(delete(approvals).where(approved.in_(used_up[first : first + _BATCH])))
    return len(gone)


def _fact(organization: str, flow_id: str, version: str, kind: str) -> _Fact:
    return organization, flow_id, version, kind
