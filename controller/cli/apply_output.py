"""How a delivery ended, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from controller.cli.failures import error_text
from controller.delivery.result import StepResult
from controller.domain.status import Health, StepState
from controller.domain.visible import visible
from controller.domain.wording import span
from controller.planning.model import Change
from controller.planning.rendering.layout import LOG, Cell, Screen, Style, aligned, noted_once, wrapped
from controller.planning.rendering.table import Mark, mark_of
from controller.planning.rendering.text import MARKS, refusal_lines
from controller.reconcile.report import PassReport
from controller.repository.record import RecordedCommit

_MARKS = {
    StepState.FAILED: (Mark.BLOCKED.value, Style.ALARM),
    StepState.ROLLBACK_FAILED: (Mark.BLOCKED.value, Style.ALARM),
    StepState.ROLLED_BACK: ("<", Style.YELLOW),
    StepState.SKIPPED: (".", Style.DIM),
}
"""Signs and colours of changes that were not delivered."""


def apply_text(reports: Sequence[PassReport], screen: Screen = LOG) -> str:
    """The changes of each organisation as they ended, and then a summary for each."""
    alone = len(reports) == 1
    content: list[str] = []
    for report in reports:
        lines = _content(report, screen)
        title = [screen.paint(visible(report.organization), Style.BOLD)] if lines and not alone else []
        content += [*([""] if content and lines else []), *title, *lines]
    summaries = [line for report in reports for line in _summary(report, screen, alone=alone)]
    return "\n".join([*content, *([""] if content and summaries else []), *summaries])


def _content(report: PassReport, screen: Screen) -> list[str]:
    lines: list[str] = []
    if report.recovered:
        lines += wrapped(f"{report.organization}: resumed an earlier sync first:", screen)
        lines += [line for sentence in report.recovered for line in wrapped(sentence, screen, "  ", "    ")]
    if report.result is not None:
        lines += _step_lines(report.result.steps, screen)
    elif report.error is None:
        lines += refusal_lines(map(_blocked_line, report.blocked), screen)
    warnings = report.plan.warnings if report.plan is not None else ()
    lines += [line for sentence in warnings for line in wrapped(visible(f"warning: {sentence}"), screen, "  ", "    ")]
    if report.error is not None:
        sentences = error_text(report.error, report.organization).split("\n")
        lines += [line for each in sentences for line in wrapped(each, screen, rest="    ")]
    return lines


def _step_lines(steps: Sequence[StepResult], screen: Screen) -> Iterator[str]:
    cells = [
        [Cell(visible(step.change.flow)), Cell(step.change.kind.value), Cell(step.state.value), Cell(_versions(step))]
        for step in steps
    ]
    grid = aligned(cells, screen, flexible=(0,), indent=4)
    details = noted_once([tuple(map(visible, _details(step))) for step in steps])
    for step, fields, notes in zip(steps, grid.lines, details, strict=True):
        sign, style = _MARKS.get(step.state, (mark_of(step.change.kind).value, MARKS[mark_of(step.change.kind)]))
        yield f"  {screen.paint(sign, style)} {fields[4:].rstrip()}"
        for each in notes:
            yield from wrapped(each, screen, " " * 6)


def _summary(report: PassReport, screen: Screen, *, alone: bool) -> Iterator[str]:
    """How it ended: outcome, changes by how they ended, duration, and where the record is."""
    result = report.result
    if result is not None:
        summary = (
            f"sync {result.sync_id} {result.outcome.value} after {span(report.duration_s)}: {_counts(result.steps)}"
        )
    elif report.error is None:
        summary = _nothing_to_do(report)
    else:
        summary = "" if alone else f"not delivered, see above [{report.error.code}]"
    for line in wrapped(f"{visible(report.organization)}: {summary}", screen, rest="    ") if summary else ():
        yield screen.paint(line, Style.BOLD)
    if result is None and report.error is None and report.health is Health.DEGRADED:
        yield from wrapped("but Degraded, because a flow could not be rolled back: see penstock status", screen, "  ")
    if result is not None and report.was_stopped:
        yield from wrapped("stopped: the next run resumes the parked changes and begins the skipped ones", screen, "  ")
    for line in _record_lines(report.commit) if report.commit is not None else ():
        yield from wrapped(line, screen, "  ", "    ")


def _counts(steps: Sequence[StepResult]) -> str:
    """`8 done, 1 failed, 2 rolled back`."""
    words = Counter(_how_it_ended(step) for step in steps)
    order = ("done", "paused", "parked", "failed", "not rolled back", "rolled back", "skipped")
    counts = [f"{words[word]} {word}" for word in order if words[word] or word == "done"]
    return ", ".join(counts)


def _how_it_ended(step: StepResult) -> str:
    if step.paused is not None:
        return "paused"
    if step.parked:
        return "parked"
    return _ENDS.get(step.state, "done" if step.state.delivered else "failed")


_ENDS = {
    StepState.SKIPPED: "skipped",
    StepState.ROLLED_BACK: "rolled back",
    StepState.ROLLBACK_FAILED: "not rolled back",
}


def _record_lines(commit: RecordedCommit) -> Iterator[str]:
    if commit.sha is not None:
        yield f"recorded in {commit.branch}@{commit.sha[:12]}{', pushed' if commit.pushed else ''}"
    elif commit.changed:
        yield "recorded in this folder only: it is in no git repository"
    if commit.note:
        yield visible(commit.note)


def _nothing_to_do(report: PassReport) -> str:
    if report.blocked:
        return "blocked, nothing to do"
    if report.moved:
        return "nothing to do, but not in sync: see penstock status"
    suspended = report.plan is not None and report.plan.suspended
    return "nothing to do, apart from suspended flows" if suspended else "in sync, nothing to do"


def _blocked_line(change: Change) -> str:
    why = f": {change.blocked.message} [{change.blocked.code}]" if change.blocked else ""
    return f"{change.flow}: {change.kind.value}{why}"


def _details(step: StepResult) -> Iterator[str]:
    if step.error is not None:
        yield step.error.message
        if step.error.hint:
            yield f"what to do: {step.error.hint}"
    if step.parked and step.paused is None:
        yield "parked: the next run resumes it"
    if step.paused is not None:
        flow = step.change.flow
        yield f"paused: {step.paused}"
        yield f"what to do: penstock accept {flow}, or penstock rollback {flow}; every pass looks again"
    if step.state is StepState.ROLLED_BACK and not _agrees(step):
        yield "to make git agree, revert the commit that asked for it; until then it stays rolled back"
    error = step.error.message if step.error is not None else ""
    yield from (message for message in dict.fromkeys(step.messages) if message not in error)


def _agrees(step: StepResult) -> bool:
    """Whether git asks for the version that is live after a rollback."""
    desired = step.change.desired
    return desired is not None and desired.wanted in (step.source_digest, step.version)


def _versions(step: StepResult) -> str:
    if step.version is None:
        return ""
    before, version = step.previous_version, visible(step.version)
    moved = version if before in (None, step.version) else f"{visible(before or '')} → {version}"
    if step.state is StepState.ROLLED_BACK:
        return f"back to {version}" if moved == version else moved
    return f"{version} is live still" if step.state is StepState.ROLLBACK_FAILED else moved
