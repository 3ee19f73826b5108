"""Groups of changes and of drift that share a reason, so that text tells each reason once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.domain.identity import FlowKey
from controller.domain.wording import counted
from controller.planning.limits import REMOVALS
from controller.planning.model import Blocked, Change, ChangeKind, Drift, Plan
from controller.planning.rendering.table import PlanRow

_NAMED = 3
"""Names in the title of a group."""
_KINDS = tuple(ChangeKind)

Reason = tuple[ChangeKind, str, tuple[FlowKey, ...]]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One change."""

    row: PlanRow
    after: tuple[str, ...] = ()
    """The changes that come first, unless the group's title implies them."""
    follows: tuple[str, ...] = ()
    """The flows that its reason is about, unless the group's title names them."""
    note: str = ""
    """A sentence about this change alone."""


@dataclass(frozen=True, slots=True)
class ReasonBlock:
    """Changes in the order of deployment, and what holds for all of them."""

    title: str
    reason: str
    lines: tuple[ChangeLine, ...]
    blocked: bool = False
    way_out: str = ""

    @property
    def runs(self) -> bool:
        """Whether its changes are carried out, in their waves."""
        return not self.blocked and self.lines[0].row.change.kind is not ChangeKind.NONE

    @property
    def wave(self) -> int:
        """The wave of all changes; 0 where they have several or are not carried out."""
        waves = {line.row.change.wave for line in self.lines}
        return waves.pop() if self.runs and len(waves) == 1 else 0


def reason_blocks(rows: Sequence[PlanRow]) -> list[ReasonBlock]:
    """The blocked changes by code, then the others by reason: by first wave, those without a change last."""
    ids = {row.change.key: row.change.flow for row in rows}
    going = [row for row in rows if row.blocked is None]
    found = sorted(_by_reason(going, ids), key=_place)
    return [*_blocked([row for row in rows if row.blocked is not None]), *_shared_once(found)]


def _shared_once(found: Iterable[ReasonBlock]) -> Iterator[ReasonBlock]:
    """The groups; a sentence that is true of all callers that follow a flow is told with the first of them."""
    shared = ""
    for group in found:
        change = group.lines[0].row.change
        if change.follows and change.shared_reason == shared:
            yield replace(group, reason=group.reason.removeprefix(shared).removeprefix(": "))
        else:
            shared = change.shared_reason if change.follows else shared
            yield group


def drift_sentences(drift: Iterable[Drift]) -> list[str]:
    """`ivr (lock): …`; drift of one kind and cause is one sentence with all of its flows."""
    found: dict[tuple[str, str], list[Drift]] = {}
    for each in drift:
        found.setdefault((each.kind, each.cause or each.message), []).append(each)
    return [_drift_sentence(same) for same in found.values()]


def untold_drift(plan: Plan) -> list[Drift]:
    """The drift that no change tells: a block names the lock, and a removal says that the manifest is gone."""
    changes = {change.flow: change for change in plan.actions}
    return [each for each in plan.shown_drift if each.flow not in changes or not _tells(changes[each.flow], each)]


def _tells(change: Change, drift: Drift) -> bool:
    if drift.kind == "orphaned":
        return change.kind in REMOVALS
    return change.blocked is not None and drift.message in change.blocked.message


def _drift_sentence(same: Sequence[Drift]) -> str:
    first = same[0]
    if len(same) == 1 or not first.cause:
        return f"{first.flow} ({first.kind}): {first.message}"
    return f"{len(same)} flows ({first.kind}), {first.cause}: {', '.join(each.flow for each in same)}"


def _place(group: ReasonBlock) -> tuple[bool, int, int]:
    change = group.lines[0].row.change
    return change.kind is ChangeKind.NONE, change.wave, _KINDS.index(change.kind)


def _blocked(rows: Iterable[PlanRow]) -> list[ReasonBlock]:
    codes: dict[str, list[tuple[PlanRow, Blocked]]] = {}
    for row in rows:
        if row.change.blocked is not None:
            codes.setdefault(row.change.blocked.code, []).append((row, row.change.blocked))
    return [_blocked_by(code, members) for code, members in codes.items()]


def _blocked_by(code: str, members: Sequence[tuple[PlanRow, Blocked]]) -> ReasonBlock:
    """Changes that are blocked with one code. Their messages end with the way out, which is often the same."""
    title = f"{len(members)} blocked ({code})"
    if len({blocked.message for _, blocked in members}) == 1:
        lines = tuple(ChangeLine(row, row.change.depends_on) for row, _ in members)
        return ReasonBlock(title, members[0][1].message, lines, blocked=True)
    parts = [blocked.message.rpartition("; ") for _, blocked in members]
    shared = len({way_out for *_, way_out in parts}) == 1 and all(words for words, *_ in parts)
    lines = tuple(
        ChangeLine(row, row.change.depends_on, note=words if shared else blocked.message)
        for (row, blocked), (words, *_) in zip(members, parts, strict=True)
    )
    places = {note: place for place, note in reversed(list(enumerate(line.note for line in lines)))}
    lines = tuple(sorted(lines, key=lambda line: places[line.note]))
    return ReasonBlock(title, "", lines, blocked=True, way_out=parts[0][2] if shared else "")


def _by_reason(rows: Iterable[PlanRow], ids: Mapping[FlowKey, str]) -> list[ReasonBlock]:
    """A group for each reason; reasons of only one change share a group where a kind has several of them."""
    reasons: dict[Reason, list[PlanRow]] = {}
    for row in rows:
        change = row.change
        reasons.setdefault((change.kind, change.shared_reason, change.follows), []).append(row)
    lonely: dict[ChangeKind, list[PlanRow]] = {}
    for (kind, *_), members in reasons.items():
        if len(members) == 1:
            lonely.setdefault(kind, []).extend(members)
    found = [_one_reason(members, ids) for (kind, *_), members in reasons.items() if len(members) > 1]
    alone = (_own_reasons(members) if len(members) > 1 else _one_reason(members, ids) for members in lonely.values())
    return [*found, *alone]


def _one_reason(rows: Sequence[PlanRow], ids: Mapping[FlowKey, str]) -> ReasonBlock:
    """Changes for one reason; it is told with versions where they are the same for all."""
    change = rows[0].change
    same = all(row.change.reason == change.reason for row in rows)
    implied = {ids.get(key) for key in change.follows}
    lines = tuple(ChangeLine(row, tuple(flow for flow in row.change.depends_on if flow not in implied)) for row in rows)
    title = _title(change.kind, len(rows))
    if change.follows:
        title = f"{counted(len(rows), 'caller')} {'follows' if len(rows) == 1 else 'follow'} {_named(change.follows)}"
    return ReasonBlock(title, change.reason if same else change.shared_reason, lines)


def _own_reasons(rows: Sequence[PlanRow]) -> ReasonBlock:
    """Changes of one kind, each for a reason of its own."""
    change = rows[0].change
    if all(row.change.follows for row in rows):
        lines = tuple(ChangeLine(row, follows=tuple(key.name for key in row.change.follows)) for row in rows)
        return ReasonBlock(f"{len(rows)} callers follow the flows named beside them", change.shared_reason, lines)
    lines = tuple(ChangeLine(row, row.change.depends_on, note=row.change.reason) for row in rows)
    return ReasonBlock(_title(change.kind, len(rows)), "", lines)


def _title(kind: ChangeKind, count: int) -> str:
    return f"{count} unchanged" if kind is ChangeKind.NONE else f"{count} to {kind}"


def _named(keys: Sequence[FlowKey]) -> str:
    names = [key.name for key in keys]
    if len(names) == 1:
        return names[0]
    if len(names) <= _NAMED:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
