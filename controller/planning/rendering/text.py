"""Renders plans as plain text for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controller.domain.visible import visible
from controller.planning.model import Plan
from controller.planning.rendering.table import Mark, PlanRow, Table, tables

_COLORS = {Mark.ADD: "32", Mark.CHANGE: "33", Mark.REMOVE: "31", Mark.SAME: "2", Mark.BLOCKED: "1;31"}


def plan_text(plans: Iterable[Plan], *, everything: bool = False, color: bool = False) -> str:
    """The plans, grouped by wave, with reasons; ends with a newline. `color` adds ANSI colours to the signs."""
    shown = tables(plans, everything=everything)
    if not shown:
        return "No organisation to plan for.\n"
    return "\n".join("".join(f"{line}\n" for line in _lines(table, color=color)) for table in shown)


def _lines(table: Table, *, color: bool) -> Iterator[str]:
    where = f" at {visible(table.revision)}" if table.revision else ""
    yield f"{visible(table.organization)}{where}: {table.headline}"
    yield from (f"  {visible(line)}" for line in table.held_back)
    for section in table.sections:
        yield f"  {section.title}"
        for row in section.rows:
            yield from _row_lines(row, color=color)
    yield from _block("Drift", [f"{flow} ({kind}): {message}" for flow, kind, message in table.drift])
    yield from _block("Cycles", table.cycles)
    yield from _block("Notes", table.notes)
    yield f"  Plan {table.digest}"


def _row_lines(row: PlanRow, *, color: bool) -> Iterator[str]:
    sign = f"\x1b[{_COLORS[row.mark]}m{row.mark}\x1b[0m" if color else row.mark.value
    change = row.change
    flow = f'{visible(change.flow)}  {visible(change.key.type)} "{visible(change.key.name)}"'
    yield f"    {sign} {change.kind.value} {flow}  {visible(row.versions)}"
    yield f"        {visible(change.reason)}"
    if change.depends_on:
        yield f"        after {visible(', '.join(change.depends_on))}"
    if change.group:
        yield f"        as one group, in this order: {visible(', '.join(change.group))}"
    if row.blocked:
        yield f"        blocked: {visible(row.blocked)}"
    for warning in change.warnings:
        yield f"        warning: {visible(warning)}"


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    shown = [f"    {visible(line)}" for line in lines]
    if shown:
        yield f"  {title}"
        yield from shown
