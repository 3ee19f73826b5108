"""What must hold after a delivery, however much went wrong: told against what was really live."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from controller.domain.status import StepState
from controller.reconcile.report import PassReport
from controller.store.audit import AuditEntry
from tests.conformance.flows import Happening
from tests.conformance.played import Moves, Played

DONE = frozenset({StepState.LIVE, StepState.BAKING, StepState.HEALTHY, StepState.EXPORTED})
MOVES = frozenset({"migrate", "rollback"})
"""Audit entries that say that a version became the live one."""


@dataclass(frozen=True, slots=True)
class Look:
    """How things stood when a pass ended."""

    report: PassReport
    began: dict[str, int]
    """How long each flow's history was when the pass began."""
    moves: Moves
    recorded: dict[str, str]

    def during(self, name: str) -> Sequence[Happening]:
        """What became live while it ran."""
        return self.moves[name][self.began[name] :]


async def watched(played: Played) -> Look:
    """One pass, and how things stood after it."""
    began = {name: len(history) for name, history in played.moves().items()}
    report = await played.pass_()
    moves = {name: tuple(history) for name, history in played.moves().items()}
    return Look(report, began, moves, played.recorded())


def violations(played: Played, looks: Sequence[Look]) -> list[str]:
    """All that does not hold, in words."""
    moves = played.moves()
    found = [told for name in moves for told in (*_twice(name, moves, looks), *_silent(name, moves, looks))]
    found += [told for look in looks for told in (*_not_as_reported(look), *_record_is_not_live(look))]
    return found + list(_audited_and_never_live(played.audited(), moves))


def _twice(name: str, moves: Moves, looks: Sequence[Look]) -> Iterator[str]:
    """Nothing is published that is live already, save by a rollback that is told: it ends a rollout (row P8)."""
    again = [after for before, after in pairwise(moves[name]) if before.content == after.content]
    rolled_back = [each for look in looks for each in _steps(look) if each == (name, StepState.ROLLED_BACK)]
    if any(one.how != "rollback" for one in again) or len(again) > len(rolled_back):
        yield f"{name}: {again[-1].version} was published twice: {_story(moves[name])}"


def _steps(look: Look) -> Iterator[tuple[str, StepState]]:
    for step in look.report.result.steps if look.report.result else ():
        yield step.change.key.name, step.state


def _silent(name: str, moves: Moves, looks: Sequence[Look]) -> Iterator[str]:
    """What a person published is not overwritten by a pass that never speaks of it."""
    for place, (before, after) in enumerate(pairwise(moves[name]), 1):
        if before.how != "person" or after.how == "person":
            continue
        until = [look for look in looks if look.began[name] <= place]
        if not any(_speaks_of(look.report, before.version) for look in until):
            yield f"{name}: {before.version}, a person's, was overwritten in silence: {_story(moves[name])}"


def _not_as_reported(look: Look) -> Iterator[str]:
    """What a step says to be live was made live, or was it before; what it says to be rolled back is."""
    for step in look.report.result.steps if look.report.result else ():
        name = step.change.key.name
        moved = look.moves.get(name, ())
        known = [one.version for one in moved[max(0, look.began.get(name, 0) - 1) :]]
        if step.state in DONE and step.version is not None and step.version not in known:
            yield f"{name}: {step.version} is reported as {step.state.value}, and never was live: {_story(moved)}"
        rolled_back = step.state is StepState.ROLLED_BACK and moved and moved[-1].how != "person"
        if rolled_back and step.version is not None and moved[-1].version != step.version:
            yield f"{name}: it is reported as rolled back to {step.version}, and is not: {_story(moved)}"


def _record_is_not_live(look: Look) -> Iterator[str]:
    """Where a pass ends well, the record on the remote is what is live, or what a person made live since is told."""
    if not look.report.delivered:
        return
    for name, version in look.recorded.items():
        live = look.moves[name][-1].version
        meanwhile = [one.version for one in look.during(name) if one.how == "person"]
        told = [drift for drift in look.report.moved if drift.key.name == name]
        if version not in (live, *meanwhile) and live not in meanwhile and not told:
            yield f"{name}: {version} is recorded, and {live} is live: {_story(look.moves[name])}"


def _audited_and_never_live(entries: Sequence[AuditEntry], moves: Moves) -> Iterator[str]:
    for entry in entries:
        if entry.action in MOVES and entry.status == "success" and entry.flow is not None:
            name = entry.flow.partition("/")[2]
            if entry.version is not None and entry.version not in [one.version for one in moves[name]]:
                yield f"{name}: the audit log tells of {entry.action} to {entry.version}: {_story(moves[name])}"


def _story(history: Sequence[Happening]) -> str:
    return ", ".join(f"{one.version} ({one.how})" for one in history)


def _speaks_of(report: PassReport, version: str) -> bool:
    """Whether a pass says that this version is live, or was: in its plan, a drift, an error or a note."""
    told: list[object] = [report.error, report.error and report.error.hint]
    if report.plan is not None:
        told += [change.from_version for change in report.plan.changes]
        told += [drift.message for drift in report.plan.drift]
    for step in report.result.steps if report.result else ():
        told += [step.error, *step.messages, step.previous_version]
    return any(re.search(rf"(?<![\d.]){re.escape(version)}(?!\d)", str(one)) for one in told)
