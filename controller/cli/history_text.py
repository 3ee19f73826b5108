"""The history of flows as text: a line for each version, newest first, with times in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from controller.domain.visible import visible
from controller.planning.rendering.layout import Cell, Screen, Style, aligned, wrapped
from controller.questions.history import ChangeTime, LiveAt, Period, live_at
from controller.questions.history_reading import FlowHistory, OrganizationHistory
from controller.questions.live_origins import LiveOrigin, LiveResult

_HEADINGS = ("VERSION", "FROM", "UNTIL", "RESULT", "BY", "COMMIT", "WHY")
_BY, _WHY = 4, 6
_STYLES = {
    LiveResult.DELIVERED: Style.GREEN,
    LiveResult.ADOPTED: Style.GREEN,
    LiveResult.ROLLED_BACK: Style.ALARM,
    LiveResult.HAND_MADE: Style.YELLOW,
    LiveResult.UNKNOWN: Style.MAGENTA,
}
_NOTHING = "none"
"""In place of a version where nothing was live."""


def history_text(
    organizations: Iterable[OrganizationHistory], at: datetime | None, since: datetime | None, screen: Screen
) -> str:
    """The flows of each organisation; with `at` a line for each flow that says what was live then."""
    lines: list[str] = []
    for organization in organizations:
        lines += [screen.paint(line, Style.BOLD) for line in wrapped(visible(organization.name), screen)]
        if at is None:
            for flow in organization.flows:
                lines += [*_flow(flow, organization.observed_at, since, screen), ""]
        else:
            lines += [f"  at {_shown(at)} UTC", *_answers(organization.flows, at, screen), ""]
        if not organization.flows:
            lines += ["  no flow is known", ""]
        for note in organization.notes:
            lines += wrapped(f"note: {visible(note)}", screen, "  ")
    return "".join(f"{line}\n" for line in lines)


def _flow(flow: FlowHistory, now: datetime | None, since: datetime | None, screen: Screen) -> Iterator[str]:
    called = f" as {flow.manifest}" if flow.manifest else ""
    former = f", formerly {', '.join(flow.former_names)}" if flow.former_names else ""
    yield from wrapped(visible(f"{flow.key}{called}{former}"), screen, "  ")
    periods = flow.since(since)
    rows = [tuple(Cell(heading) for heading in _HEADINGS), *(_row(each, now) for each in periods)]
    if periods:
        yield from aligned(rows, screen, flexible=(_BY, _WHY), optional=(_WHY, _BY), indent=4).lines
    else:
        yield "    nothing is known" if since is None else f"    nothing is known since {_shown(since)} UTC"
    if flow.note:
        yield from wrapped(f"note: {visible(flow.note)}", screen, "    ")


def _row(period: Period, now: datetime | None) -> tuple[Cell, ...]:
    """The line of one version; `now` is when the organisation was asked."""
    last = "now" if period.seen_until == now else f"last seen {_shown(period.seen_until)}"
    origin = period.origin
    return (
        Cell(visible(period.version or _NOTHING) + ("" if period.certain else "?")),
        Cell(_change(period.began) if period.began else f"first seen {_shown(period.seen_from)}"),
        Cell(_change(period.ended) if period.ended else last),
        Cell(origin.result.value, _STYLES.get(origin.result, Style.PLAIN)),
        Cell(visible(_who(origin))),
        Cell(visible((origin.revision or "")[:12])),
        Cell(visible(_why(origin))),
    )


def _who(origin: LiveOrigin) -> str:
    approved = f"approved by {origin.approved_by}" if origin.approved_by else ""
    by = f"{origin.by} (author of the version)" if origin.by and origin.by_role == "version author" else origin.by
    return ", ".join(filter(None, (by, approved)))


def _why(origin: LiveOrigin) -> str:
    return "; ".join(filter(None, (origin.cause, origin.trigger, origin.reason)))


def _answers(flows: Sequence[FlowHistory], at: datetime, screen: Screen) -> Iterator[str]:
    rows = [
        (Cell(visible(flow.manifest or str(flow.key))), Cell(visible(_answer(live_at(flow.periods, at)))))
        for flow in flows
    ]
    yield from aligned(rows, screen, flexible=(0,), indent=2).lines if rows else ()


def _answer(found: LiveAt) -> str:
    """The answer in words."""
    if found.known_from is not None:
        return f"not known before {_shown(found.known_from)}"
    versions = " or ".join(version or _NOTHING for version in found.versions)
    if found.known_until is not None:
        return f"{versions} until {_shown(found.known_until)}, not known after that"
    if found.certain:
        return versions
    if not found.versions:
        return "not known"
    other = " or one that no source has any more" if len(found.versions) == 1 else ""
    between = (
        f"between {_shown(found.between.earliest)} and {_shown(found.between.latest)} it was " if found.between else ""
    )
    return f"{between}{versions}{other}"


def _change(change: ChangeTime) -> str:
    if change.exact:
        return _shown(change.latest)
    return f"{_shown(change.earliest)} to {_shown(change.latest)}"


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
