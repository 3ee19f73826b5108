"""What Markdown and HTML show of one organisation, in the order in which a reviewer needs it; and the HTML page.

Changes that have the same reason are one group, so that renderings give the reason once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.domain.visible import visible
from controller.domain.wording import advised
from controller.planning.draft import NEW_VERSION
from controller.planning.model import Blocked, Change, ChangeKind, Plan, Unplanned
from controller.planning.rendering.table import PlanRow, Table, hidden_by, tables
from controller.planning.rendering.view import FlowDifference, PlanView

if TYPE_CHECKING:
    from jinja2 import Environment

_NAMES = 12
"""Names that are listed; more are counted."""
SMALLEST_GROUP = 3
"""Fewer changes with one reason are shown one by one."""


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


@dataclass(frozen=True, slots=True)
class Group:
    """One change, or at least `SMALLEST_GROUP` changes of one kind with the same reason, block and warnings."""

    changes: tuple[Change, ...]

    @property
    def single(self) -> Change | None:
        """The only change; None for a real group."""
        return self.changes[0] if len(self.changes) == 1 else None

    @property
    def subject(self) -> str:
        """`10 callers` if they are published again because of a module or bot, else `10 flows`."""
        return f"{len(self.changes)} {'callers' if self.changes[0].follows else 'flows'}"

    @property
    def reason(self) -> str:
        """Their common reason, with versions where they are the same for all; `follow Branded Greeting` for callers."""
        first = self.changes[0]
        if self.single is None and first.follows:
            return f"follow {', '.join(key.name for key in first.follows)}"
        same = all(change.reason == first.reason for change in self.changes)
        return first.reason if same else first.shared_reason


def grouped(changes: Iterable[Change]) -> list[Group]:
    """All changes, each in one group, by the place of each group's first change. A group keeps the order."""
    alike: dict[Hashable, list[Change]] = {}
    for change in changes:
        alike.setdefault(_likeness(change), []).append(change)
    found: list[Group] = []
    for members in alike.values():
        if len(members) < SMALLEST_GROUP:
            found += [Group((change,)) for change in members]
        else:
            found.append(Group(tuple(members)))
    return found


def _likeness(change: Change) -> Hashable:
    """Equal for changes that a group may hold. Flows in sync and members of a deployment group stay alone."""
    if change.kind is ChangeKind.NONE or change.group:
        return change.flow
    return (change.kind, change.follows or change.shared_reason, change.blocked, change.warnings)


def plan_html(views: Iterable[PlanView], unplanned: Iterable[Unplanned] = (), *, everything: bool = False) -> str:
    """One HTML page without script, font or request, ending with a newline. The template engine escapes every value."""
    pages = [*(page(view, everything=everything) for view in views), *map(unplanned_page, unplanned)]
    text = (
        _environment().get_template("plan.html.jinja").render(pages=pages, unlisted=[each.unlisted for each in pages])
    )
    # Lone halves of surrogate pairs cannot be written as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # most plans are shown as text

    environment = Environment(
        loader=PackageLoader("controller.planning.rendering", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    return environment
