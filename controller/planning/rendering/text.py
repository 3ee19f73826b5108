"""Renders plans as text for a terminal or a log: problems first, each reason once, the summary last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.planning.model import Drift, Plan, Unplanned
from controller.planning.rendering.layout import (
    LOG,
    Cell,
    Screen,
    Style,
    aligned,
    columns,
    cut,
    listed,
    noted_once,
    wrapped,
)
from controller.planning.rendering.reason_blocks import (
    ChangeLine,
    ReasonBlock,
    drift_sentences,
    reason_blocks,
    untold_drift,
)
from controller.planning.rendering.table import Mark, PlanRow, tables

MARKS = {
    Mark.ADD: Style.GREEN,
    Mark.CHANGE: Style.YELLOW,
    Mark.SWITCH: Style.CYAN,
    Mark.REMOVE: Style.RED,
    Mark.SAME: Style.DIM,
    Mark.BLOCKED: Style.ALARM,
}
"""The colours of the signs. Words say the same."""
_FLOW, _TYPE = 1, 2
"""Columns that are shortened and left out where a terminal is narrow."""
_LEAST = 12
"""Columns at the end of a line from which a name is shortened to fit there."""


def plan_text(
    plans: Iterable[Plan], *, everything: bool = False, only_problems: bool = False, screen: Screen = LOG
) -> str:
    """The content of each plan, then the summary of each, ending with a newline.

    `everything` includes the flows in sync; `only_problems` leaves out changes without a block or a warning.
    """
    found = list(plans)
    content = plan_content(found, everything=everything, only_problems=only_problems, screen=screen)
    return content + plan_summary(found, only_problems=only_problems, screen=screen)


def plan_content(
    plans: Iterable[Plan], *, everything: bool = False, only_problems: bool = False, screen: Screen = LOG
) -> str:
    """Refusals, blocks, changes, drift and notes of each plan; empty, or ending with an empty line."""
    lines: list[str] = []
    for plan in plans:
        blocks = list(_blocks(plan, everything=everything, only_problems=only_problems, screen=screen))
        if blocks:
            lines += [screen.paint(line, Style.BOLD) for line in wrapped(visible(plan.organization), screen)]
            lines += [line for block in blocks for line in (*block, "")]
    return "".join(f"{line}\n" for line in lines)


def plan_summary(plans: Iterable[Plan], *, only_problems: bool = False, screen: Screen = LOG) -> str:
    """What each plan would change, in numbers, and its digest; ends with a newline."""
    lines = [line for plan in plans for line in _summary(plan, only_problems=only_problems, screen=screen)]
    return "".join(f"{line}\n" for line in lines or ["No organisation to plan for."])


def unplanned_text(unplanned: Iterable[Unplanned], screen: Screen = LOG) -> str:
    """The organisations without a plan, and why; empty, or ending with an empty line."""
    lines: list[str] = []
    for each in unplanned:
        lines += [screen.paint(line, Style.BOLD) for line in wrapped(f"{visible(each.organization)}: no plan", screen)]
        lines += [*wrapped(visible(each.reason), screen, "  ", "    "), ""]
    return "".join(f"{line}\n" for line in lines)


def drift_block(drift: Iterable[Drift], screen: Screen) -> list[str]:
    """A title and the sentences about drift; empty without drift."""
    return sentence_block("Drift", drift_sentences(drift), screen)


def sentence_block(title: str, sentences: Iterable[str], screen: Screen) -> list[str]:
    """A title and sentences below it; empty without sentences."""
    lines = [line for sentence in sentences for line in wrapped(visible(sentence), screen, "  ", "    ")]
    return [screen.paint(title, Style.BOLD), *lines] if lines else []


def refusal_lines(sentences: Iterable[str], screen: Screen) -> list[str]:
    """Sentences with the sign of a block."""
    lines = [line for sentence in sentences for line in wrapped(visible(sentence), screen, "! ", "    ")]
    return [screen.paint("!", Style.ALARM) + line[1:] if line.startswith("! ") else line for line in lines]


def _blocks(plan: Plan, *, everything: bool, only_problems: bool, screen: Screen) -> Iterator[list[str]]:
    (table,) = tables([plan], everything=everything and not only_problems)
    rows = [row for section in table.sections for row in section.rows if not only_problems or _has_problem(row)]
    found = [
        refusal_lines(table.held_back, screen),
        *_changes(rows, screen),
        drift_block(untold_drift(plan), screen),
        sentence_block("Cycles", table.cycles, screen),
        sentence_block("Notes", table.notes, screen),
    ]
    return filter(None, found)


def _summary(plan: Plan, *, only_problems: bool, screen: Screen) -> Iterator[str]:
    (table,) = tables([plan])
    rows = [row for section in table.sections for row in section.rows]
    hidden = sum(not _has_problem(row) for row in rows) if only_problems else 0
    if hidden:
        yield f"{counted(hidden, 'change')} without problems {'is' if hidden == 1 else 'are'} not shown"
    where = f" at {visible(table.revision[:12])}" if table.revision else ""
    same = len(plan.changes) - len(plan.actions)
    unchanged = f", {same} unchanged" if plan.actions and same else ""
    counts = f"{table.headline}{unchanged}".split(", ")
    phrases = [f"{each}," for each in counts[:-1]] + counts[-1:]
    name = f"{visible(table.organization)}{where}:"
    for line in wrapped([*name.split(" "), *phrases], screen, rest="  "):
        yield screen.paint(line, Style.BOLD)
    yield f"Plan {table.digest}"


def _has_problem(row: PlanRow) -> bool:
    return row.blocked is not None or bool(row.change.warnings)


def _changes(rows: Sequence[PlanRow], screen: Screen) -> Iterator[list[str]]:
    """A block for each group; the lines of all groups have the same columns."""
    found = reason_blocks(rows)
    waves = len({line.row.change.wave for group in found if group.runs for line in group.lines}) > 1
    cells = [_cells(line.row) for group in found for line in group.lines]
    if not cells:
        return
    grid = aligned(cells, screen, flexible=(_FLOW,), optional=(_TYPE,), indent=4)
    room = None if screen.width is None else screen.width - grid.width
    fields = iter(grid.lines)
    for group in found:
        block, wave = _title_lines(group, screen, waves=waves), group.wave
        for line, notes in zip(group.lines, noted_once([_notes(line) for line in group.lines]), strict=True):
            if group.runs and line.row.change.wave != wave:
                wave = line.row.change.wave
                block.append(screen.paint(f"    wave {wave}", Style.DIM))
            block += _change_lines(next(fields), line, room, screen)
            block += [each for note in notes for each in wrapped(note, screen, " " * 6)]
        if group.way_out:
            block += wrapped(f"what to do: {visible(group.way_out)}", screen, " " * 4)
        yield block


def _title_lines(group: ReasonBlock, screen: Screen, *, waves: bool) -> list[str]:
    """The title with the wave of all changes, where there are several waves, and the reason."""
    title = visible(group.title) + (f", wave {group.wave}" if waves and group.wave else "")
    lines = wrapped(f"{title}: {visible(group.reason)}" if group.reason else title, screen, rest="    ")
    if lines[0].startswith(title):
        lines[0] = screen.paint(title, Style.ALARM if group.blocked else Style.BOLD) + lines[0].removeprefix(title)
    return lines


def _cells(row: PlanRow) -> list[Cell]:
    change = row.change
    versions = row.versions.replace("a new version", "new")
    return [Cell(visible(text)) for text in (change.kind.value, change.flow, change.key.type, versions)]


def _change_lines(fields: str, line: ChangeLine, room: int | None, screen: Screen) -> list[str]:
    """The change. At its end are its name in the organisation, unless its id spells it, and flows that come first.

    The name and the followed flows are below the line where they do not fit.
    """
    change, mark = line.row.change, line.row.mark
    text, below = f"  {screen.paint(mark.value, MARKS[mark])} {fields[4:]}", []
    if change.key.name.lower().replace(" ", "-") != change.flow:
        name = f'"{visible(change.key.name)}"'
        if room is None or room >= _LEAST + 2:
            shown = name if room is None else cut(name, room - 2)
            text, room = f"{text}  {shown}", None if room is None else room - 2 - columns(shown)
        else:
            below += wrapped(name, screen, " " * 6)
    word = "follows" if line.follows else "after"
    names = [visible(name) for name in line.follows or line.after]
    left = None if room is None else room - len(word) - 3
    if names and (left is None or left >= min(_LEAST, columns(", ".join(names)))):
        text = f"{text}  {word} {listed(names, left)}"
    elif line.follows:
        below += wrapped(f"{word} {', '.join(names)}", screen, " " * 6)
    return [text.rstrip(), *below]


def _notes(line: ChangeLine) -> tuple[str, ...]:
    change = line.row.change
    found = [line.note] if line.note else []
    found += [f"as one group, in this order: {', '.join(change.group)}"] if change.group else []
    found += [f"warning: {warning}" for warning in change.warnings]
    return tuple(map(visible, found))
