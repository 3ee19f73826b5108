"""Maintenance windows in the time zones of the people they protect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controller.domain.desired import Window, WindowKind
from controller.planning.windows import closure

DUBLIN = "Europe/Dublin"
WORKING_HOURS = Window(WindowKind.DENY, "0 8 * * 1-5", 10 * 3600, DUBLIN)
NIGHTS = Window(WindowKind.ALLOW, "0 22 * * *", 8 * 3600, DUBLIN)


def _local(text: str, zone: str = DUBLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-01-05T07:59:59", None),
        ("2026-01-05T08:00:00", "2026-01-05T18:00:00"),
        ("2026-01-05T17:59:59", "2026-01-05T18:00:00"),
        ("2026-01-05T18:00:00", None),
        ("2026-01-10T12:00:00", None),
        ("2026-07-06T08:00:00", "2026-07-06T18:00:00"),
    ],
)
def test_a_deny_window_closes_from_its_start_to_just_before_its_end(moment: str, opens: str | None) -> None:
    found = closure([WORKING_HOURS], _local(moment))
    assert (found.opens_at if found else None) == (_local(opens) if opens else None)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-01-05T21:59:00", "2026-01-05T22:00:00"),
        ("2026-01-05T22:00:00", None),
        ("2026-01-06T05:59:59", None),
        ("2026-01-06T06:00:00", "2026-01-06T22:00:00"),
    ],
)
def test_where_there_are_allow_windows_one_of_them_must_be_open(moment: str, opens: str | None) -> None:
    found = closure([NIGHTS], _local(moment))
    assert (found.opens_at if found else None) == (_local(opens) if opens else None)


def test_deny_goes_before_allow() -> None:
    """The opening is the first moment at which an allow window is open and no deny window is."""
    freeze = Window(WindowKind.DENY, "0 0 24 12 *", 3 * 86_400, DUBLIN)
    found = closure([NIGHTS, freeze], _local("2026-12-24T12:00:00"))
    assert found is not None
    assert found.opens_at == _local("2026-12-27T00:00:00")


def test_windows_that_follow_each_other_are_one_closure() -> None:
    """Back to back windows open at the end of the last."""
    halves = [
        Window(WindowKind.DENY, "0 8 * * *", 4 * 3600, DUBLIN),
        Window(WindowKind.DENY, "0 12 * * *", 3600, DUBLIN),
    ]
    found = closure(halves, _local("2026-01-05T09:00:00"))
    assert found is not None
    assert found.opens_at == _local("2026-01-05T13:00:00")


def test_a_window_that_overlaps_itself_never_opens() -> None:
    always = Window(WindowKind.DENY, "0 * * * *", 2 * 3600)
    found = closure([always], datetime(2026, 1, 5, 12, 0, tzinfo=UTC))
    assert found is not None
    assert found.opens_at is None


def test_an_opening_beyond_the_horizon_counts_as_none() -> None:
    """The next 29 February is two years away."""
    rare = Window(WindowKind.ALLOW, "0 0 29 2 *", 60)
    found = closure([rare], datetime(2026, 3, 5, 12, 0, tzinfo=UTC))
    assert found is not None
    assert found.opens_at is None


def test_a_start_in_the_hour_that_does_not_exist_opens_when_the_clock_goes_on() -> None:
    """29 March 2026 in Dublin has no 01:30; the window starts at 02:00 summer time, which is 01:00 UTC."""
    gap = Window(WindowKind.DENY, "30 1 * * *", 1800, DUBLIN)
    assert closure([gap], datetime(2026, 3, 29, 0, 59, tzinfo=UTC)) is None
    found = closure([gap], datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    assert found is not None
    assert found.opens_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_an_hour_that_comes_twice_starts_a_window_once_and_lasts_its_true_length() -> None:
    """25 October 2026 in Dublin has 01:30 twice: at 00:30 and at 01:30 UTC. The window lasts two hours, not three."""
    fold = Window(WindowKind.DENY, "30 1 * * *", 2 * 3600, DUBLIN)
    opens = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    for minutes in range(0, 120, 10):
        found = closure([fold], datetime(2026, 10, 25, 0, 30, tzinfo=UTC) + timedelta(minutes=minutes))
        assert found is not None
        assert found.opens_at == opens
    assert closure([fold], opens) is None


def test_a_window_over_the_change_of_clocks_keeps_its_length() -> None:
    """Eight hours from 22:00 end at 07:00 summer time on the night that has one hour less."""
    assert closure([NIGHTS], _local("2026-03-29T06:59:00")) is None
    assert closure([NIGHTS], _local("2026-03-29T07:00:00")) is not None


def test_no_windows_are_never_closed() -> None:
    assert closure([], datetime(2026, 1, 5, tzinfo=UTC)) is None
