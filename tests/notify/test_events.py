"""What is told of what passes find: begins and ends once, and what flaps with a count."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.notification import NotificationEvent, NotificationSeverity
from controller.notify.events import DriftNews, Findings, Happening, SyncNews, what_to_tell
from controller.notify.troubles import Told, Topic, Trouble

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
FAILED, ROLLED_BACK, PAUSED, BLOCKED, DRIFT_BEGAN, DRIFT_ENDED, RECOVERED, APPROVAL_WANTED = NotificationEvent
EVERYTHING = frozenset({"front", "hours", "desk", *(f"flow-{number}" for number in range(500))})


def trouble(flow: str = "front", event: NotificationEvent = BLOCKED, **fields: Any) -> Trouble:
    given = {"topic": Topic.DELIVERY, "outcome": "flow-locked", "digest": "sha256:1"} | fields
    return Trouble(
        object=flow,
        event=event,
        severity=fields.pop("severity", NotificationSeverity.WARNING),
        **{name: value for name, value in given.items() if name != "severity"},
    )


OUTAGE = trouble("", FAILED, topic=Topic.PASS, outcome="server-fault", digest="", hold_s=300.0)
APPROVAL = trouble("", APPROVAL_WANTED, topic=Topic.POLICY, outcome="not-confirmed")
WINDOW = trouble("", BLOCKED, topic=Topic.POLICY, outcome="window-closed", severity=NotificationSeverity.INFO)


class Passes:
    """One pass after another; the state goes through JSON as the store keeps it."""

    def __init__(self) -> None:
        self.told = Told()
        self.at = START
        self.happenings: list[Happening] = []

    def later(self, minutes: float = 5) -> Passes:
        self.at += timedelta(minutes=minutes)
        return self

    def found(self, *troubles: Trouble, **more: Any) -> list[str]:
        given = {"planned": EVERYTHING, "settled": EVERYTHING} | more
        found = Findings(at=self.at, troubles=troubles, **given)
        self.told, happenings = what_to_tell(Told.read(json.loads(json.dumps(self.told.to_json()))), found)
        self.happenings = list(happenings)
        return [f"{each.event.value} {' '.join(one.object or '-' for one in each.troubles)}" for each in happenings]


def test_a_trouble_is_told_when_it_begins_and_when_it_is_over_and_in_between_not() -> None:
    passes = Passes()

    assert passes.found(trouble()) == ["blocked front"]
    assert passes.later().found(trouble(why="other words")) == []
    assert passes.later().found() == ["recovered front"]
    assert passes.later().found() == []


def test_another_digest_or_outcome_is_told_again() -> None:
    passes = Passes()

    assert passes.found(trouble()) == ["blocked front"]
    assert passes.later().found(trouble(digest="sha256:2")) == ["blocked front"]
    assert passes.later().found(trouble(digest="sha256:2", outcome="quarantined")) == ["blocked front"]


def test_all_flows_of_a_pass_are_told_in_one_message() -> None:
    blocked = [trouble(f"flow-{number}") for number in range(500)]

    passes = Passes()
    passes.found(*blocked)

    (happening,) = passes.happenings
    assert len(happening.troubles) == 500
    passes.later().found()
    (happening,) = passes.happenings
    assert (happening.event, len(happening.troubles)) == (RECOVERED, 500)


def test_what_was_not_looked_at_is_not_over() -> None:
    passes = Passes()
    passes.found(trouble(), APPROVAL)

    assert passes.later().found(planned=None, settled=frozenset()) == []
    assert passes.later().found(trouble(), APPROVAL) == []


def test_a_flow_that_is_left_alone_has_not_recovered() -> None:
    passes = Passes()
    passes.found(trouble())

    assert passes.later().found(undecided=frozenset({"front"})) == []


def sync(number: int, *troubles: Trouble, delivered: tuple[str, ...] = ()) -> SyncNews:
    return SyncNews(sync_id=number, troubles=troubles, delivered=frozenset(delivered))


def rolled_back(flow: str, digest: str = "sha256:1") -> Trouble:
    return trouble(flow, ROLLED_BACK, outcome="gate-failed", digest=digest, severity=NotificationSeverity.ERROR)


def test_a_delivery_that_failed_is_told_as_one_and_its_blocks_are_no_news() -> None:
    passes = Passes()
    blocks = [trouble("front", outcome="quarantined"), trouble("hours", outcome="dependency-blocked")]
    news = sync(3, rolled_back("front"), rolled_back("hours"))

    assert passes.found(*blocks, syncs=(news,), settled=frozenset()) == ["rolled-back front hours"]
    assert passes.happenings[0].sync_id == 3
    assert passes.later().found(*blocks, settled=frozenset()) == []
    corrected = sync(4, delivered=("front", "hours"))
    assert passes.later().found(syncs=(corrected,)) == ["recovered front hours"]


def test_each_delivery_that_fails_is_told_however_often() -> None:
    passes = Passes()

    for number in range(8):
        news = sync(number + 1, rolled_back("front", f"sha256:{number}"))
        assert passes.later(1).found(syncs=(news,), settled=frozenset()) == ["rolled-back front"]


def test_a_failed_flow_recovers_only_once_it_is_as_git_asks() -> None:
    passes = Passes()
    passes.found(syncs=(sync(1, trouble("front", FAILED, outcome="gate-failed")),), settled=frozenset())

    assert passes.later().found(settled=frozenset()) == []
    assert passes.later().found(settled=frozenset({"front"})) == ["recovered front"]


def test_the_flows_of_a_failed_delivery_recover_together() -> None:
    """A caller that was taken back with its module is as git asks at once: that is no recovery."""
    passes = Passes()
    group = [replace(rolled_back(flow), group="sync 1") for flow in ("front", "hours")]
    blocked = trouble("hours", outcome="quarantined")

    assert passes.found(blocked, syncs=(sync(1, *group),), settled=frozenset({"front"})) == ["rolled-back front hours"]
    assert passes.later().found(blocked, settled=frozenset({"front"})) == []
    assert passes.later().found(syncs=(sync(2, delivered=("hours",)),)) == ["recovered front hours"]


def test_a_failed_flow_without_a_manifest_is_over() -> None:
    passes = Passes()
    passes.found(syncs=(sync(1, rolled_back("front")),), settled=frozenset())

    assert passes.later().found(planned=frozenset({"hours"}), settled=frozenset()) == ["recovered front"]


def test_an_outage_is_told_once_it_has_lasted_and_a_short_one_never() -> None:
    passes = Passes()

    assert passes.found(OUTAGE, planned=None) == []
    assert passes.later(4).found(OUTAGE, planned=None) == []
    assert passes.later(1).found(OUTAGE, planned=None) == ["failed -"]
    assert passes.later(60).found(OUTAGE, planned=None) == []
    assert passes.later().found() == ["recovered -"]
    assert passes.later().found(OUTAGE, planned=None) == []
    assert passes.later(1).found() == []


def test_an_outage_that_shows_in_several_errors_is_one() -> None:
    passes = Passes()
    other = replace(OUTAGE, outcome="circuit-open")

    assert passes.found(OUTAGE, planned=None) == []
    assert passes.later(3).found(other, planned=None) == []
    assert passes.later(3).found(OUTAGE, planned=None) == ["failed -"]
    assert passes.later(3).found(other, planned=None) == []
    assert passes.later(3).found() == ["recovered -"]


def test_an_approval_that_was_given_and_a_window_that_opened_are_no_recovery() -> None:
    passes = Passes()

    assert passes.found(APPROVAL) == ["approval-wanted -"]
    assert passes.later().found() == []
    assert passes.later().found(WINDOW) == ["blocked -"]
    assert passes.later().found() == []


def test_the_end_is_as_grave_as_what_it_ends() -> None:
    passes = Passes()
    passes.found(trouble(severity=NotificationSeverity.ERROR, labels={"team": "voice"}))
    passes.later().found()

    (over,) = passes.happenings[0].troubles
    assert (over.severity, over.labels) == (NotificationSeverity.ERROR, {"team": "voice"})


# Drift.


def drift(actual: str = "2.0", *, began: bool = True, flow: str = "front") -> DriftNews:
    found = trouble(flow, DRIFT_BEGAN, topic=Topic.DRIFT, outcome="version", digest=f"1.0 {actual}")
    return DriftNews(trouble=found, began=began)


def test_drift_is_told_when_it_begins_and_when_it_ends() -> None:
    passes = Passes()

    assert passes.found(drift=(drift(),)) == ["drift-began front"]
    assert passes.later().found() == []
    assert passes.later().found(drift=(drift(began=False),)) == ["drift-ended front"]


def test_drift_that_a_pass_found_and_healed_is_told_with_both_ends() -> None:
    assert Passes().found(drift=(drift(), drift(began=False))) == ["drift-began front", "drift-ended front"]


def test_drift_that_another_drift_replaces_has_not_ended() -> None:
    passes = Passes()
    passes.found(drift=(drift(),))

    assert passes.later().found(drift=(drift(began=False), drift("3.0"))) == ["drift-began front"]


def test_the_end_of_drift_that_nobody_was_told_of_is_no_news() -> None:
    assert Passes().found(drift=(drift(began=False),)) == []


# What flaps.


def test_what_flaps_is_told_three_times_and_then_counted_until_it_is_quiet() -> None:
    passes = Passes()
    said = [told for _ in range(10) for told in (*passes.later(1).found(trouble()), *passes.later(1).found())]

    assert said == ["blocked front", "recovered front"] * 2 + ["blocked front"]
    assert passes.later(59).found() == []
    assert passes.later(1).found() == ["recovered front"]
    (over,) = passes.happenings[0].troubles
    assert over.changes == 15, "the end of the third, and seven more with their ends"
    assert passes.later(60).found() == []
    assert passes.told.standing == {}
    assert passes.later().found(trouble()) == ["blocked front"]


def test_what_flapped_and_stands_is_told_as_standing() -> None:
    passes = Passes()
    for _ in range(4):
        passes.later(1).found(trouble())
        passes.later(1).found()
    passes.later(1).found(trouble())

    assert passes.later(59).found(trouble()) == []
    assert passes.later(1).found(trouble()) == ["blocked front"]
    assert passes.later(120).found(trouble()) == []
    assert passes.later().found() == ["recovered front"]


def test_the_last_message_before_it_is_counted_says_so() -> None:
    passes = Passes()
    counts = []
    for _ in range(3):
        passes.later(1).found(trouble())
        counts.append(passes.happenings[0].troubles[0].changes)
        passes.later(1).found()

    assert counts == [None, None, 0]


@given(st.lists(st.sampled_from([(), ("front",), ("hours",), ("front", "hours")]), max_size=30), st.data())
def test_every_message_of_a_flow_alternates_and_the_last_one_is_true_once_it_is_quiet(
    looks: list[tuple[str, ...]], data: st.DataObject
) -> None:
    passes = Passes()
    last: dict[str, str] = {}
    told: dict[str, int] = {}
    for look in looks:
        passes.later(data.draw(st.integers(1, 40))).found(*map(trouble, look))
        for happening in passes.happenings:
            for one in happening.troubles:
                last[one.object] = happening.event.value
                told[one.object] = told.get(one.object, 0) + 1
    final = looks[-1] if looks else ()
    for _ in range(2):
        passes.later(61).found(*map(trouble, final))
        last |= {one.object: each.event.value for each in passes.happenings for one in each.troubles}

    assert {flow for flow, event in last.items() if event == "blocked"} == set(final)


def test_nothing_new_changes_nothing_that_is_kept() -> None:
    passes = Passes()
    passes.found(trouble(), OUTAGE, drift=(drift(),))
    before = passes.told

    passes.later(1).found(trouble(why="x"), OUTAGE)

    assert passes.told == before


def test_labels_that_look_like_secrets_are_kept() -> None:
    passes = Passes()
    passes.found(trouble(labels={"token": "abc"}))
    kept = passes.told.to_json()

    assert Told.read(kept) == passes.told
    assert replace(passes.told, sequence=0) != Told()
