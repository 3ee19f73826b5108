"""Renders plans as Markdown for a comment on a pull request: what matters first, and no longer than allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from controller.domain.wording import counted
from controller.planning.model import Unplanned
from controller.planning.rendering.escaping import code, escape
from controller.planning.rendering.fitting import Block, Part, fitted
from controller.planning.rendering.page import Entry, Page, Problem, page, unplanned_page
from controller.planning.rendering.table import PlanRow
from controller.planning.rendering.view import IMPORTANCE, MOST_ENTRIES, FlowDifference, PlanView

COMMENT_LIMIT = 65_536
"""Characters of a comment on GitHub; GitLab accepts 1,000,000, Gitea has no limit of its own."""
TITLE = "### Penstock plan\n\n"
_NOT_CHECKED = "\nThis plan comes from a file that was not checked. It cannot be approved.\n"
_SIGNS = frozenset("+-~>!=")
_KEPT = (9,)
_PROBLEM = (8,)
_NOTE = (5,)
_DRIFT = (3,)
_MEMBER = (2,)
_ORDER = (1,)


def plan_markdown(
    views: Iterable[PlanView],
    unplanned: Iterable[Unplanned] = (),
    *,
    everything: bool = False,
    limit: int = COMMENT_LIMIT,
    checked: bool = True,
) -> str:
    """The comment, ending with a newline and at most `limit` (2,000 or more) characters long.

    Too long a text is cut from its least important end: differences, the picture of the order, members of groups,
    drift, changes by importance, notes. Refusals, blocks and the summary go last. `checked` is False for plans from a
    file of unknown origin: the text says so, and gives no digest to approve.
    """
    pages = [*(page(view, everything=everything) for view in views), *map(unplanned_page, unplanned)]
    if not pages:
        return f"No organisation to plan for.\n{'' if checked else _NOT_CHECKED}"
    blocks = [_summary(pages, checked=checked)]
    blocks += [_problems(each, pages) for each in pages]
    for each in pages:
        if not each.quiet:
            blocks += _organization(each, pages, checked=checked)
    # All blocks end with an empty line, and the text does not.
    return fitted(blocks, limit + 1, _notice)[:-1]


def _summary(pages: Sequence[Page], *, checked: bool) -> Block:
    lines = [f"- <b>{escape(each.table.organization)}</b>: {escape(each.summary)}\n" for each in pages]
    if not checked:
        lines.append(_NOT_CHECKED)
    return Block([_kept(line) for line in lines], TITLE, "\n")


def _notice(left_out: str) -> str:
    return f"> Shortened to fit a comment: {left_out} left out. `penstock plan --diff` shows everything.\n\n"


def _problems(each: Page, pages: Sequence[Page]) -> Block:
    where = f" in {escape(each.table.organization)}" if len(pages) > 1 else ""
    lines = [Part(f"- {_problem(problem)}\n", _PROBLEM, "problem") for problem in each.problems]
    return Block(lines, f"**Not now{where}**\n\n", "\n")


def _problem(problem: Problem) -> str:
    return f"<b>{escape(problem.what)}</b>: {escape(problem.message)} ({code(problem.code)})"


def _organization(each: Page, pages: Sequence[Page], *, checked: bool) -> Iterator[Block]:
    if len(pages) > 1:
        yield Block([_kept(f"#### {escape(each.table.organization)}\n\n")])
    yield Block([_change(entry) for entry in each.entries], _head("", "flow", "change", "from → to", "why"), "\n")
    for entry in each.entries:
        if len(entry.rows) > 1:
            yield _folded(entry.title, [_member(row) for row in entry.rows], ("flow", "from → to", "after"))
    yield _folded(
        f"{counted(len(each.unchanged), 'flow')} without a change",
        [_same(row) for row in each.unchanged],
        ("flow", "version", "why"),
    )
    drift = [f"<b>{escape(flow)}</b> ({escape(kind)}): {escape(message)}" for flow, kind, message in each.table.drift]
    yield _list("Drift", [Part(f"- {line}\n", _DRIFT, "drift entry") for line in drift])
    yield _list("Cycles", [Part(f"- {escape(cycle)}\n", _NOTE, "note") for cycle in each.table.cycles])
    yield _list("Notes", [Part(f"- {escape(note)}\n", _NOTE, "note") for note in each.table.notes])
    yield _order(each)
    differences = [_difference(difference) for difference in each.differences]
    yield Block(differences or ([_kept("None.\n\n")] if each.compared else []), "**Differences**\n\n")
    if each.table.digest:
        yield Block([_kept(_footer(each, checked=checked))])


def _kept(text: str) -> Part:
    return Part(text, _KEPT, "line")


def _head(*columns: str) -> str:
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"


def _list(title: str, parts: Sequence[Part]) -> Block:
    return Block(parts, f"**{title}**\n\n", "\n")


def _folded(title: str, parts: Sequence[Part], columns: Sequence[str]) -> Block:
    head = f"<details><summary>{escape(title)}</summary>\n\n{_head(*columns)}"
    return Block(parts, head, "\n</details>\n\n")


def _change(entry: Entry) -> Part:
    change = entry.row.change
    why = [escape(reason) for reason in entry.reasons]
    why += [f"<b>blocked</b> ({code(change.blocked.code)})"] if change.blocked else []
    cells = (
        f"`{entry.row.mark}`",
        f"<b>{escape(entry.subject)}</b><br>{escape(entry.about)}",
        change.kind.value,
        escape(entry.versions),
        "<br>".join(why),
    )
    return Part(_cells(*cells), (4, IMPORTANCE[change.kind]), "change" if len(entry.rows) == 1 else "group")


def _member(row: PlanRow) -> Part:
    after = ", ".join(row.change.depends_on)
    return Part(_cells(_flow(row), escape(row.versions), escape(after)), _MEMBER, "row")


def _same(row: PlanRow) -> Part:
    return Part(_cells(_flow(row), escape(row.versions), escape(row.change.reason)), _MEMBER, "row")


def _flow(row: PlanRow) -> str:
    key = row.change.key
    about = f'{key.type} "{key.name}"'
    return f"<b>{escape(row.change.flow)}</b><br>{escape(about)}"


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _order(each: Page) -> Block:
    if not each.order:
        return Block([])
    text = f"<details><summary>Order</summary>\n\n```mermaid\n{each.order}```\n\n</details>\n\n"
    return Block([Part(text, _ORDER, "picture")])


def _difference(difference: FlowDifference) -> Part:
    shown = difference.entries[:MOST_ENTRIES]
    lines = [f"- {_sign(sign)} {escape(text)}\n" for sign, text in shown]
    if more := difference.more + len(difference.entries) - len(shown):
        lines.append(f"- and {more} more\n")
    title = f"<b>{escape(difference.flow)}</b>: {escape(difference.places)}"
    text = f"<details><summary>{title}</summary>\n\n{''.join(lines)}\n</details>\n\n"
    # The longest go first, so that as many flows as possible keep theirs.
    return Part(text, (0, -len(text)), "flow comparison")


def _sign(sign: str) -> str:
    return f"`{sign}`" if sign in _SIGNS else escape(sign)


def _footer(each: Page, *, checked: bool) -> str:
    revision = f" at revision {code(each.table.revision)}" if each.table.revision else ""
    if not checked:
        return f"Not checked{revision}.\n\n"
    command = code(f"penstock approve {each.table.digest}")
    approve = f" Where `sync.mode` is `manual`, {command} approves it." if each.actions else ""
    return f"Plan {code(each.table.digest)}{revision}.{approve}\n\n"
