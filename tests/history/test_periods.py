"""Periods from facts: exact where the organisation dates its versions, between two sightings where it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.versions import VersionInfo
from controller.questions.history import ChangeTime, FlowFacts, LiveAt, Period, live_at, periods_of
from controller.questions.live_origins import LiveOrigin, LiveResult, Sighting

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def listed(
    version: str, begin: float, end: float | None = None, by: str = "Ada", created: float | None = None
) -> VersionInfo:
    return VersionInfo(
        version,
        "deployed" if end is None else "published",
        created_at=at(begin if created is None else created),
        created_by=by,
        published_at=at(begin),
        published_until=None if end is None else at(end),
    )


def seen(
    version: str | None, minutes: float, result: LiveResult | None = None, not_before: float | None = None
) -> Sighting:
    origin = None if result is None else LiveOrigin(result)
    return Sighting(version, at(minutes), origin, None if not_before is None else at(not_before))


def facts(*sightings: Sighting, versions: tuple[VersionInfo, ...] = (), now: float | None = 1000) -> FlowFacts:
    return FlowFacts(sightings, versions, None if now is None else at(now))


def versions_at(found: FlowFacts, *minutes: float) -> list[tuple[str | None, ...]]:
    return [live_at(periods_of(found), at(each)).versions for each in minutes]


def test_dated_versions_change_at_their_dates() -> None:
    found = facts(versions=(listed("2.0", 60), listed("1.0", 0, 60)))

    assert versions_at(found, 0, 59, 60, 500) == [("1.0",), ("1.0",), ("2.0",), ("2.0",)]
    assert live_at(periods_of(found), at(-1)) == LiveAt(known_from=at(0))


def test_between_two_sightings_it_was_either() -> None:
    found = facts(seen("1.0", 0), seen("2.0", 60), seen("2.0", 1000))

    assert live_at(periods_of(found), at(30)) == LiveAt(("1.0", "2.0"), between=ChangeTime(at(0), at(60)))
    assert live_at(periods_of(found), at(60)) == LiveAt(("2.0",), certain=True)


def test_a_publish_that_began_later_than_the_last_sighting_narrows_the_time_of_the_change() -> None:
    found = facts(seen("1.0", 0), seen("2.0", 60, not_before=55), seen("2.0", 1000))

    assert live_at(periods_of(found), at(54)) == LiveAt(("1.0",), certain=True)
    assert live_at(periods_of(found), at(57)).between == ChangeTime(at(55), at(60))


def test_a_record_that_was_made_while_a_dated_version_was_live_changes_no_period() -> None:
    """A record is written after the bake: by then another version may be live."""
    found = facts(seen("1.0", 70, LiveResult.DELIVERED), versions=(listed("2.0", 60, by="Grace"), listed("1.0", 0, 60)))

    assert [(each.version, each.seen_from) for each in periods_of(found)] == [("1.0", at(0)), ("2.0", at(60))]


def test_clocks_that_differ_a_little_make_no_second_version() -> None:
    found = facts(seen("1.0", -1, LiveResult.DELIVERED), versions=(listed("1.0", 0),))

    (period,) = periods_of(found)
    assert (period.seen_from, period.origin.result) == (at(0), LiveResult.DELIVERED)


def test_records_tell_of_the_time_before_a_version_was_published_once_more() -> None:
    """The organisation's list has only the last dates of a version."""
    found = facts(
        seen("1.0", 1, LiveResult.DELIVERED), versions=(listed("1.0", 120, created=0), listed("2.0", 60, 120))
    )

    assert versions_at(found, 1, 59, 61, 121) == [("1.0",), ("1.0",), ("2.0",), ("1.0",)]
    assert live_at(periods_of(found), at(0)).known_from == at(1)


def test_the_same_version_published_once_more_by_hand_leaves_the_time_before_open() -> None:
    found = facts(seen("1.0", 1, LiveResult.DELIVERED), versions=(listed("1.0", 120, created=0),))

    answer = live_at(periods_of(found), at(60))
    assert answer == LiveAt(("1.0",), between=ChangeTime(at(1), at(120)))


def test_the_same_version_delivered_once_more_was_live_all_the_time() -> None:
    found = facts(
        seen("1.0", 1, LiveResult.DELIVERED),
        seen("1.0", 121, LiveResult.DELIVERED),
        versions=(listed("1.0", 120, created=0),),
    )

    assert live_at(periods_of(found), at(60)) == LiveAt(("1.0",), certain=True)


@pytest.mark.parametrize(("created", "certain"), [(120, True), (10, False)])
def test_a_gap_between_dated_versions_is_nothing_unless_a_later_publish_could_hide_another(
    created: float, certain: bool
) -> None:
    found = facts(versions=(listed("2.0", 120, created=created), listed("1.0", 0, 60)))

    answer = live_at(periods_of(found), at(90))
    assert (answer.versions, answer.certain) == ((None,), certain)
    assert answer.between == (None if certain else ChangeTime(at(60), at(120)))


def test_nothing_is_known_after_the_last_sighting_where_the_organisation_was_not_asked() -> None:
    found = facts(seen("1.0", 0), now=None)

    assert live_at(periods_of(found), at(1)) == LiveAt(("1.0",), known_until=at(0))


def test_a_version_before_a_restored_one_was_rolled_back_only_if_it_was_delivered() -> None:
    for by, result in (("penstock", LiveResult.ROLLED_BACK), ("Grace", LiveResult.HAND_MADE)):
        found = FlowFacts(
            (seen("1.0", 0, LiveResult.DELIVERED), seen("1.0", 121, LiveResult.RESTORED)),
            (listed("1.0", 120, created=0), listed("2.0", 60, 120, by)),
            at(1000),
            client_id="penstock",
        )
        assert [each.origin.result for each in periods_of(found)] == [LiveResult.DELIVERED, result, LiveResult.RESTORED]


def test_a_rollback_that_changed_nothing_is_not_how_the_version_became_live() -> None:
    """A publish failed before its version was live: the version before it stayed."""
    found = facts(
        seen("1.0", 0, LiveResult.HAND_MADE), seen("1.0", 60, LiveResult.RESTORED, not_before=59), seen("1.0", 1000)
    )

    assert [each.origin.result for each in periods_of(found)] == [LiveResult.HAND_MADE]


def test_no_facts_are_no_periods() -> None:
    assert periods_of(FlowFacts()) == ()
    assert live_at((), START) == LiveAt()


_MINUTES = st.integers(0, 300)
_VERSIONS = st.sampled_from(["1.0", "2.0", "3.0", None])
_SIGHTINGS = st.lists(
    st.builds(
        seen,
        _VERSIONS,
        _MINUTES,
        st.sampled_from([None, *LiveResult]),
        st.none() | _MINUTES,
    ),
    max_size=8,
)


@st.composite
def _dated(draw: st.DrawFn) -> tuple[VersionInfo, ...]:
    """Versions with dates as an organisation has them: each ends when or before the next one begins."""
    moments = sorted(draw(st.lists(_MINUTES, max_size=6, unique=True)))
    names = draw(st.permutations(["1.0", "2.0", "3.0"]))
    return tuple(
        listed(name, begin, end, created=draw(st.integers(0, begin)))
        for name, (begin, end) in zip(names, list(zip(moments[::2], moments[1::2], strict=False)), strict=False)
    )


@given(_SIGHTINGS, st.just(()) | _dated(), st.booleans())
def test_periods_never_overlap_and_leave_no_gap(
    sightings: list[Sighting], versions: tuple[VersionInfo, ...], asked: bool
) -> None:
    periods = periods_of(FlowFacts(tuple(sightings), versions, at(400) if asked else None))

    assert bool(periods) == bool(sightings or versions)
    for before, after in pairwise(periods):
        assert before.ended is not None
        assert before.seen_from <= before.ended.earliest <= before.ended.latest <= after.seen_from
        assert after.began is not None
        assert before.ended.earliest <= after.began.earliest <= after.began.latest == after.seen_from
    assert all(each.seen_from <= each.seen_until for each in periods)
    assert not periods or periods[-1].ended is None


@given(_SIGHTINGS, st.just(()) | _dated(), _MINUTES)
def test_every_moment_since_the_first_fact_has_an_answer_and_at_most_one_sure_one(
    sightings: list[Sighting], versions: tuple[VersionInfo, ...], minutes: int
) -> None:
    periods = periods_of(FlowFacts(tuple(sightings), versions, at(400)))
    answer = live_at(periods, at(minutes))

    known = [each.at for each in sightings] + [each.published_at for each in versions if each.published_at]
    if not known or at(minutes) < min(known):
        assert answer.versions == ()
    else:
        assert answer.versions
        assert answer.certain or answer.between is not None
        assert sum(each.surely(at(minutes)) for each in periods) == answer.certain


@given(_dated(), _SIGHTINGS)
def test_what_the_organisation_dates_is_never_contradicted(
    versions: tuple[VersionInfo, ...], sightings: list[Sighting]
) -> None:
    periods = periods_of(FlowFacts(tuple(sightings), versions, at(400)))

    for info in versions:
        assert info.published_at is not None
        assert live_at(periods, info.published_at) == LiveAt((info.version,), certain=True)


def test_a_period_that_is_not_certain_is_never_sure() -> None:
    assert not Period("1.0", None, None, START, START, certain=False).surely(START)
