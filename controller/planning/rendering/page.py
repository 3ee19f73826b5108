"""What Markdown and HTML show of one organisation, in the order in which a reviewer needs it, before escaping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from controller.domain.wording import advised
from controller.planning.draft import NEW_VERSION
from controller.planning.model import Blocked, ChangeKind, Plan, Unplanned
from controller.planning.rendering.groups import Group, grouped
from controller.planning.rendering.table import PlanRow, Table, hidden_by, tables
from controller.planning.rendering.view import FlowDifference, PlanView

_NAMES = 12
"""Names that are listed; more are counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal of an `apply` at this moment, or a block."""

    what: str
    message: str
    code: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of changes: one change, or several with one reason."""

    rows: tuple[PlanRow, ...]
    subject: str
    """`10 callers`; the flow's id for a single change."""
    about: str
    """The flow's type and name; some names of a group."""
    versions: str
    reasons: tuple[str, ...]
    """The reason first, then what comes before this change, and what else must be known."""

    @property
    def row(self) -> PlanRow:
        """The first row, which has kind, sign and block in common with the others."""
        return self.rows[0]

    @property
    def title(self) -> str:
        """`10 callers follow Branded Greeting`, `12 flows to create: the organisation has no such flow`."""
        verb = " " if self.row.change.follows else f" to {self.row.change.kind}: "
        return f"{self.subject}{verb}{self.reasons[0]}"


@dataclass(frozen=True, slots=True)
class Page:
    """One organisation."""

    table: Table
    summary: str
    problems: tuple[Problem, ...]
    entries: tuple[Entry, ...]
    unchanged: tuple[PlanRow, ...]
    differences: tuple[FlowDifference, ...]
    compared: bool
    """Whether the flows were compared."""
    order: str
    quiet: bool
    """Whether the summary says all there is to say."""
    actions: bool
    """Whether something would be done."""

    @property
    def unlisted(self) -> tuple[FlowDifference, ...]:
        """The differences of flows that no row shows: drift that nothing is done about."""
        shown = {row.change.flow for entry in self.entries for row in entry.rows} | {
            row.change.flow for row in self.unchanged
        }
        return tuple(each for each in self.differences if each.flow not in shown)


def unplanned_page(each: Unplanned) -> Page:
    """The content of a page about an organisation without a plan."""
    [table] = tables((), [each])
    return Page(table, table.headline, (), (), (), (), compared=False, order="", quiet=False, actions=False)


def page(view: PlanView, *, everything: bool = False) -> Page:
    """The content of a page; only `everything` includes flows in sync."""
    [table] = tables([view.plan], everything=everything)
    rows = {row.change.flow: row for section in table.sections for row in section.rows}
    acting = [row.change for row in rows.values() if row.change.kind is not ChangeKind.NONE]
    unchanged = tuple(row for row in rows.values() if row.change.kind is ChangeKind.NONE)
    return Page(
        table=table,
        summary=_summary(view, table),
        problems=(*_refusals(view.plan), *_blocks(view.plan)),
        entries=tuple(_entry(group, [rows[change.flow] for change in group.changes]) for group in grouped(acting)),
        unchanged=unchanged,
        differences=view.differences or (),
        compared=view.differences is not None,
        order=view.order,
        quiet=view.quiet and not unchanged,
        actions=bool(view.plan.shown),
    )


def listed(names: Sequence[str]) -> str:
    """The names, or the first of them and how many more there are."""
    more = len(names) - _NAMES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_NAMES])} and {more} more"


def _summary(view: PlanView, table: Table) -> str:
    base = view.plan.view
    if base is None:
        return table.headline
    hidden = hidden_by(base)
    rest = f"; hidden, because the base has them as well: {hidden}" if hidden else ""
    return f"{table.headline}, compared with {base.ref}{rest}"


def _refusals(plan: Plan) -> Iterator[Problem]:
    for each in plan.held_back:
        what = "apply would be refused now" if each.flow is None else f"apply would leave out {each.flow} now"
        yield Problem(what, advised(each.message, each.hint), each.code)


def _blocks(plan: Plan) -> Iterator[Problem]:
    """Each block once, with the flows that it blocks."""
    blocked: dict[Blocked, list[str]] = {}
    for change in plan.shown:
        if change.blocked is not None:
            blocked.setdefault(change.blocked, []).append(change.flow)
    for block, flows in blocked.items():
        yield Problem(f"blocked: {listed(flows)}", block.message, block.code)


def _entry(group: Group, rows: Sequence[PlanRow]) -> Entry:
    change = rows[0].change
    if group.single is not None:
        about = f'{change.key.type} "{change.key.name}"'
        return Entry(tuple(rows), change.flow, about, rows[0].versions, tuple(_reasons(rows[0])))
    names = listed([row.change.flow for row in rows])
    reasons = (group.reason, *(f"warning: {warning}" for warning in change.warnings))
    return Entry(tuple(rows), group.subject, names, _versions(rows), reasons)


def _reasons(row: PlanRow) -> Iterator[str]:
    change = row.change
    yield change.reason
    if change.depends_on:
        yield f"after {listed(change.depends_on)}"
    if change.group:
        yield f"as one group, in this order: {listed(change.group)}"
    yield from (f"warning: {warning}" for warning in change.warnings)


def _versions(rows: Iterable[PlanRow]) -> str:
    """The versions that all rows have in common, in words where they differ."""
    found = {row.versions: row.change.kind for row in rows}
    if len(found) == 1:
        return next(iter(found))
    return "a new version each" if set(found.values()) <= NEW_VERSION else "one version each"
