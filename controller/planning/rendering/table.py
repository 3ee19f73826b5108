"""A plan as a table: the content of every rendering for people, before escaping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from controller.domain.recorded import NO_REVISION
from controller.domain.status import StepState
from controller.domain.wording import counted
from controller.planning.draft import NEW_VERSION
from controller.planning.limits import REMOVALS
from controller.planning.model import BaseView, Change, ChangeKind, HeldBack, Plan, UnderWay, Unplanned, summary_of


class Mark(StrEnum):
    """The sign in front of a change."""

    ADD = "+"
    CHANGE = "~"
    SWITCH = ">"
    """To a version that exists."""
    REMOVE = "-"
    SAME = "="
    BLOCKED = "!"


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One change, and the parts of it that are worded for people."""

    change: Change
    mark: Mark
    versions: str
    blocked: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """The changes of one wave."""

    title: str
    rows: tuple[PlanRow, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One organisation's plan."""

    organization: str
    revision: str | None
    """None if the manifests come from no commit."""
    digest: str
    """Empty where there is no plan."""
    headline: str
    held_back: tuple[str, ...]
    """Refusals of an `apply` at this moment."""
    sections: tuple[Section, ...]
    drift: tuple[tuple[str, str, str], ...]
    """Flow, kind and message."""
    cycles: tuple[str, ...]
    notes: tuple[str, ...]


_ADDS = frozenset({ChangeKind.CREATE, ChangeKind.ADOPT})
_SWITCHES = frozenset({ChangeKind.SWITCH, ChangeKind.RESTORE})


def tables(plans: Iterable[Plan], unplanned: Iterable[Unplanned] = (), *, everything: bool = False) -> list[Table]:
    """One table for each plan, and for each organisation without one.

    Only `everything` includes flows in sync, and what a view against a base hides.
    """
    made = [_table(plan, plan.changes if everything else plan.shown) for plan in plans]
    return made + [_without_plan(each) for each in unplanned]


def _without_plan(each: Unplanned) -> Table:
    return Table(each.organization, None, "", "no plan", (), (), (), (), (each.reason,))


def _table(plan: Plan, changes: Sequence[Change]) -> Table:
    return Table(
        organization=plan.organization,
        revision=None if plan.revision == NO_REVISION else plan.revision,
        digest=plan.digest,
        headline=headline(plan),
        held_back=refusals(plan.held_back),
        sections=tuple(Section(title, tuple(map(_row, group))) for title, group in groupby(changes, key=_title)),
        drift=tuple((drift.flow, drift.kind, drift.message) for drift in plan.shown_drift),
        cycles=tuple(" -> ".join(cycle) for cycle in plan.cycles),
        notes=_notes(plan),
    )


def headline(plan: Plan) -> str:
    """`1 to create, 2 to publish (1 blocked)`, or that there is nothing to do; of a view only the branch's part."""
    summary = summary_of(plan.changes if plan.view is None else plan.shown)
    counts = [f"{summary[kind]} to {kind}" for kind in ChangeKind if kind is not ChangeKind.NONE and summary[kind]]
    if not counts and plan.view is not None:
        return "the branch changes nothing" if plan.view.empty else "the branch makes no flow change"
    if not counts:
        return "nothing to do" if plan.drift or plan.suspended or plan.under_way else "in sync, nothing to do"
    return ", ".join(counts) + (f" ({summary['blocked']} blocked)" if summary["blocked"] else "")


def refusals(held_back: Iterable[HeldBack]) -> tuple[str, ...]:
    """Why an `apply` would refuse the plan or leave changes out; what holds for several changes is said once."""
    found: dict[HeldBack, list[str]] = {}
    for each in held_back:
        found.setdefault(replace(each, flow="") if each.flow is not None else each, []).append(each.flow or "")
    return tuple(_refusal(each, flows) for each, flows in found.items())


def _refusal(each: HeldBack, flows: Sequence[str]) -> str:
    if each.flow is None or len(flows) == 1:
        return str(replace(each, flow=flows[0] or None))
    return str(replace(each, flow=f"{len(flows)} changes ({', '.join(flows)})"))


def _notes(plan: Plan) -> tuple[str, ...]:
    notes = ["the manifests come from no commit: nothing is committed here, or there is no git repository"]
    notes = [*(notes if plan.revision == NO_REVISION else ()), *_of_view(plan.view), *plan.warnings]
    notes += _under_way(plan.under_way)
    if plan.suspended:
        notes.append(f"suspended, and left alone: {', '.join(plan.suspended)}")
    if plan.unmanaged:
        flows = "1 flow is" if plan.unmanaged == 1 else f"{plan.unmanaged} flows are"
        notes.append(f"{flows} in no manifest and left alone")
    return tuple(notes)


def _of_view(view: BaseView | None) -> Iterable[str]:
    """What a branch changes beside the flows' changes, and what its view hides."""
    if view is None:
        return
    yield f"compared with {view.ref} at {view.revision[:12]}, which decides about endpoints, credentials and policy"
    if view.policy:
        yield f"the branch changes {', '.join(view.policy)} of the organisation, which takes effect after the merge"
    for each in view.vanished:
        yield f"{each.flow}: {each.kind.value} is no longer to be done"
    if view.settings:
        yield f"other settings, without a change of the flow: {', '.join(view.settings)}"
    if hidden := hidden_by(view):
        yield f"not shown, because the base has them as well: {hidden}; the digest covers them"


def hidden_by(view: BaseView) -> str:
    """`3 changes and 1 out-of-band difference`: the parts of the plan that the view leaves out; empty without any."""
    found = [counted(view.hidden_changes, "change")] if view.hidden_changes else []
    found += [counted(view.hidden_drift, "out-of-band difference")] if view.hidden_drift else []
    return " and ".join(found)


def _under_way(found: Iterable[UnderWay]) -> Iterable[str]:
    for revision, flows in groupby(found, key=lambda each: each.revision):
        which = "a delivery" if revision == NO_REVISION else f"a delivery of revision {revision[:12]}"
        changes = ", ".join(f"{each.flow} ({_how_far(each)})" for each in flows)
        yield f"{which} is unfinished and is resumed before this plan; it changes {changes}"


def _how_far(each: UnderWay) -> str:
    if each.state is StepState.ROLLING_BACK:
        return f"going back to {each.from_version or 'nothing'}"
    return "publishing" if each.state is StepState.PUBLISHING else "not begun"


def _title(change: Change) -> str:
    return "Nothing to do" if change.kind is ChangeKind.NONE else f"Wave {change.wave}"


def _row(change: Change) -> PlanRow:
    blocked = f"{change.blocked.message} ({change.blocked.code})" if change.blocked else None
    return PlanRow(change, _mark(change), _versions(change), blocked)


def _mark(change: Change) -> Mark:
    return mark_of(change.kind) if change.blocked is None else Mark.BLOCKED


def mark_of(kind: ChangeKind) -> Mark:
    """The sign of a change that is not blocked."""
    if kind is ChangeKind.NONE:
        return Mark.SAME
    if kind in _ADDS:
        return Mark.ADD
    if kind in _SWITCHES:
        return Mark.SWITCH
    return Mark.REMOVE if kind in REMOVALS else Mark.CHANGE


def _versions(change: Change) -> str:
    if change.kind in REMOVALS:
        target = "nothing"
    elif change.kind in NEW_VERSION:
        target = "a new version"
    else:
        target = change.to_version or "nothing"
    before = change.from_version
    if before is None:
        return target
    return before if before == target else f"{before} → {target}"
