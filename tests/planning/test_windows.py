"""Maintenance windows in the time zones of the people they protect."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.domain.desired import Window, WindowKind
from controller.planning.guard import closure

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


def _open_by_brute_force(window: Window, moment: datetime) -> bool:
    """Every start of the days before, one after the other."""
    duration = timedelta(seconds=window.duration_s)
    before = (moment - duration - timedelta(days=2)).astimezone(ZoneInfo(window.timezone))
    for start in CronSim(window.schedule, before):
        if start.astimezone(UTC) > moment:
            return False
        if start.astimezone(UTC) + duration > moment:
            return True
    return False


@pytest.mark.proof
@settings(max_examples=150, deadline=None)
@example("30 1 * * *", DUBLIN, 99_000, (2026, 3, 28), 0)
@given(
    st.sampled_from(
        ["30 1 * * *", "0 2 * * *", "15 * * * *", "*/30 1-3 * * *", "0 8 * * 1-5", "0 0 * * 0", "5,50 2 * * *"]
    ),
    st.sampled_from([DUBLIN, "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(1, 60).map(lambda halves: halves * 1800),
    st.sampled_from([(2026, 3, 28), (2026, 10, 24), (2026, 3, 7), (2026, 10, 31), (2026, 4, 4), (2026, 10, 3)]),
    st.integers(0, 3 * 24 * 60),
)
def test_a_window_is_open_just_when_one_of_its_starts_says_so(
    schedule: str, zone: str, duration_s: float, day: tuple[int, int, int], minutes: int
) -> None:
    """On the days around changes of clocks, in zones that change by an hour, by half an hour, and not at all."""
    window = Window(WindowKind.DENY, schedule, duration_s, zone)
    moment = datetime(*day, tzinfo=UTC) + timedelta(minutes=minutes)
    found = closure([window], moment)
    assert (found is not None) == _open_by_brute_force(window, moment)
    if found is not None and found.opens_at is not None:
        assert not _open_by_brute_force(window, found.opens_at)
        assert _open_by_brute_force(window, found.opens_at - timedelta(seconds=1))


def test_a_window_with_very_many_starts_is_answered_at_once() -> None:
    """A week that starts anew each minute: closed for ever, and found out in a moment."""
    dense = Window(WindowKind.DENY, "* * * * *", 7 * 86_400)
    started = time.process_time()
    found = closure([dense], datetime(2026, 1, 5, 12, 0, tzinfo=UTC))
    assert found is not None
    assert found.opens_at is None
    assert time.process_time() - started < 5


def test_no_windows_are_never_closed() -> None:
    assert closure([], datetime(2026, 1, 5, tzinfo=UTC)) is None
