"""`penstock status` as a person reads it: problems first, each reason once, no line wider than the terminal."""

from __future__ import annotations

import re

import pytest

from controller.cli.commands.status import status_text
from controller.domain.identity import FlowKey
from controller.domain.status import Health, SyncStatus
from controller.planning.model import Drift, HeldBack
from controller.planning.rendering.layout import LOG, Screen, columns
from controller.questions.status import FlowStatus, OrganizationStatus

_FOLLOWS = "callers keep a module's version until they are published again: commonmodule/Greeting is 3.0 (bound to 2.0)"
_BY_HAND = "version 3.0 of inboundcall/Main IVR was published by Ada Lovelace at 2026-01-05 12:00 UTC; 2.0 is recorded"


def flow(name: str, sync: SyncStatus, health: Health, message: str) -> FlowStatus:
    return FlowStatus(name, "inboundcall", name, sync, health, "1.0", "none", None, message)


FLOWS = (
    *(flow(f"archive-{n}", SyncStatus.SYNCED, Health.HEALTHY, "1.0 is live, as recorded") for n in range(9)),
    *(flow(f"caller-{n}", SyncStatus.OUT_OF_SYNC, Health.HEALTHY, _FOLLOWS) for n in range(5)),
    flow("customer-satisfaction-survey-after-every-call", SyncStatus.OUT_OF_SYNC, Health.DEGRADED, _BY_HAND),
    flow("locked", SyncStatus.SYNCED, Health.HEALTHY, "inboundcall/locked is locked by Jane\x1b[31m"),
    flow("parked", SyncStatus.UNKNOWN, Health.SUSPENDED, "the flow is suspended (spec.suspend)"),
)
DRIFT = (
    Drift("main", FlowKey("inboundcall", "Main IVR"), "version", "2.0", "3.0", _BY_HAND),
    Drift("gone", FlowKey("inboundcall", "Gone"), "orphaned", None, "1.0", "inboundcall/Gone is an orphan"),
)
CLOSED = HeldBack(None, "window-closed", "fernhill: deny window", "wait")
STATUS = OrganizationStatus(
    "fernhill", "4f2a", SyncStatus.OUT_OF_SYNC, Health.DEGRADED, FLOWS, (), ("a warning",), 2, None, (CLOSED,), "pod-1"
)


def text(screen: Screen = LOG, *, only_problems: bool = False) -> str:
    return status_text([(STATUS, "4f2a91c03b7d0000", DRIFT)], screen, only_problems=only_problems)


def test_a_status_reads_from_refusals_over_problems_to_the_summary() -> None:
    """The message of five callers is told once, below the last of them; the ninefold usual one is not told at all."""
    assert text(Screen(80), only_problems=True).splitlines() == [
        "fernhill",
        "! apply would be refused now: fernhill: deny window; wait [window-closed]",
        "",
        "    FLOW                               TYPE         VERSION  SYNC       HEALTH",
        "  ! customer-satisfa…after-every-call  inboundcall  1.0      OutOfSync  Degraded",
        "      version 3.0 of inboundcall/Main IVR was published by Ada Lovelace at",
        "      2026-01-05 12:00 UTC; 2.0 is recorded",
        *(f"  ~ caller-{n}                           inboundcall  1.0      OutOfSync  Healthy" for n in range(5)),
        "      these 5: callers keep a module's version until they are published again:",
        "      commonmodule/Greeting is 3.0 (bound to 2.0)",
        "",
        "Drift",
        "  gone (orphaned): inboundcall/Gone is an orphan",
        "",
        "Notes",
        "  11 flows without problems are not shown",
        "  warning: a warning",
        "  pod-1 is at work on it right now",
        "  2 flows are in no manifest and left alone",
        "",
        "fernhill: OutOfSync, Degraded, revision 4f2a91c03b7d; 10 Synced, 6 OutOfSync,",
        "  1 Unknown",
    ]


def test_flows_in_order_come_last_and_what_is_unusual_about_them_is_told() -> None:
    lines = text().splitlines()
    names = [line.split()[1] for line in lines if re.match(r"  [!~.=] ", line)]

    assert names[0] == FLOWS[-3].flow
    assert names[6:] == ["parked", "locked", *(f"archive-{n}" for n in range(9))]
    assert r"      inboundcall/locked is locked by Jane\x1b[31m" in lines
    assert "is live, as recorded" not in text()


@pytest.mark.parametrize("width", [50, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(columns, text(Screen(width)).splitlines())) <= width


def test_colour_adds_nothing_but_colour() -> None:
    colored = text(Screen(color=True))

    assert "\x1b[1;31mDegraded\x1b[0m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == text()
