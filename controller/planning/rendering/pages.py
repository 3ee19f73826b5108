"""Renders plans as Markdown for a pull request comment, and as one HTML page without script, font or request.

Names cannot break the table, add HTML or mention people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from controller.domain.visible import visible
from controller.planning.model import Plan, Unplanned
from controller.planning.rendering.table import PlanRow, Table, tables

COMMENT_LIMIT = 60_000
"""Characters. GitHub accepts 65,536, and the comment needs room for its own markers."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()|~!$])")
_CALLS = re.compile(r"(?<![\w])([@#])(?=\w)|(?<=[a-z])(:)(?=//)", re.IGNORECASE)
_EDGE_SPACE = re.compile(r"^ +| +$|(?<= ) +")


def plan_markdown(
    plans: Iterable[Plan],
    unplanned: Iterable[Unplanned] = (),
    *,
    everything: bool = False,
    limit: int = COMMENT_LIMIT,
) -> str:
    """One table for each organisation, ending with a newline; changes beyond `limit` characters are only counted."""
    shown = tables(plans, unplanned, everything=everything)
    if not shown:
        return "No organisation to plan for.\n"
    share = limit // len(shown)
    return "\n".join(_fitted(table, share) for table in shown)


def escape(text: str) -> str:
    """The text as Markdown that shows exactly this text on one line, inside or outside a table cell."""
    text = "".join(_ENTITIES.get(char, char) for char in visible(text))
    text = _PUNCTUATION.sub(r"\\\1", text)
    text = _CALLS.sub(lambda match: f"{match.group()}<!-- -->", text)
    return _EDGE_SPACE.sub(lambda match: "&nbsp;" * len(match.group()), text)


def details_block(summary: str, items: Iterable[tuple[str, str]]) -> str:
    """A collapsible list of marks and texts below its summary, escaped; ends with a newline."""
    title = "".join(_ENTITIES.get(char, char) for char in visible(summary))
    title = _CALLS.sub(lambda match: f"{match.group()}<!-- -->", title)
    lines = "".join(f"- `{mark}` {escape(text)}\n" for mark, text in items)
    return f"<details><summary>{title}</summary>\n\n{lines}\n</details>\n"


def _fitted(table: Table, limit: int) -> str:
    lines: list[str] = []
    used = left_out = 0
    for line in _lines(table):
        used += len(line) + 1
        if used > limit:
            left_out += 1
        else:
            lines.append(line)
    if left_out:
        lines.append(f"\n{left_out} more lines are left out: they do not fit into a comment.")
    return "".join(f"{line}\n" for line in lines)


def _lines(table: Table) -> Iterator[str]:
    yield f"### {escape(table.organization)}: {table.headline}"
    yield ""
    if table.digest:
        where = f"Revision {escape(table.revision)}, plan" if table.revision else "Plan"
        yield f"{where} `{table.digest}`"
    yield from _list("Not now", table.held_back)
    rows = [(section.title, row) for section in table.sections for row in section.rows]
    if rows:
        yield ""
        yield "| | wave | flow | change | version | why |"
        yield "|---|---|---|---|---|---|"
        for title, row in rows:
            yield _cells(title, row)
    yield from _list("Drift", [f"{flow} ({kind}): {message}" for flow, kind, message in table.drift])
    yield from _list("Cycles", table.cycles)
    yield from _list("Notes", table.notes)


def _cells(title: str, row: PlanRow) -> str:
    change = row.change
    flow = f'**{escape(change.flow)}**<br>{escape(change.key.type)} "{escape(change.key.name)}"'
    why = [escape(change.reason)]
    why += [f"after {escape(', '.join(change.depends_on))}"] if change.depends_on else []
    why += [f"as one group, in this order: {escape(', '.join(change.group))}"] if change.group else []
    why += [f"**blocked:** {escape(row.blocked)}"] if row.blocked else []
    why += [f"warning: {escape(warning)}" for warning in change.warnings]
    wave = title.removeprefix("Wave ").lower()
    return f"| `{row.mark}` | {wave} | {flow} | {change.kind.value} | {escape(row.versions)} | {'<br>'.join(why)} |"


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    shown = [f"- {escape(item)}" for item in items]
    if shown:
        yield ""
        yield f"**{title}**"
        yield ""
        yield from shown


if TYPE_CHECKING:
    from jinja2 import Environment


def plan_html(plans: Iterable[Plan], unplanned: Iterable[Unplanned] = (), *, everything: bool = False) -> str:
    """The page, ending with a newline. The template engine escapes every value."""
    shown = tables(plans, unplanned, everything=everything)
    return _environment().get_template("plan.html.jinja").render(tables=shown)


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
