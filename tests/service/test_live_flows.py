"""What readers are told of a change follows from the events of its delivery."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controller.delivery.sync_run import DeliveryEvent
from controller.service.live_flows import LiveFlows
from controller.store.running import RunningFlow

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
Told = tuple[str, dict[str, object]]


def told(*events: Told) -> list[RunningFlow]:
    """The flow after each event that changed what is shown; the events are ten seconds apart."""
    flows, shown = LiveFlows("acme"), []
    for number, (name, fields) in enumerate(events):
        event = DeliveryEvent(name, "acme", 7, "desk", fields)
        found = flows.progressed(event, NOW + timedelta(seconds=10 * number))
        if found is not None:
            shown.append(found)
    return shown


def test_a_publish_is_told_from_its_upload_to_the_organisations_percentage() -> None:
    first, uploading, publishing, further = told(
        ("change.publishing", {"version": None}),
        ("write.intended", {"action": "upload"}),
        ("publish.progress", {"percent": 20.0, "stage": "VALIDATING", "eta_s": 30.0}),
        ("publish.progress", {"percent": 80.0, "stage": None, "eta_s": None}),
    )
    assert (first.state, first.sync_id, first.since) == ("publishing", 7, NOW)
    assert (uploading.state, uploading.since) == ("uploading", NOW + timedelta(seconds=10))
    assert (publishing.state, publishing.percent, publishing.stage) == ("publishing", 20.0, "VALIDATING")
    assert publishing.until == NOW + timedelta(seconds=50)
    assert (further.percent, further.stage, further.until) == (80.0, "VALIDATING", publishing.until)


def test_a_lock_is_told_until_the_change_goes_on() -> None:
    waiting, publishing = told(
        ("lock.waiting", {"holder": "Ada", "wait_s": 15.0}),
        ("change.publishing", {"version": None}),
    )
    assert (waiting.state, waiting.message) == ("waiting", "locked by Ada")
    assert (publishing.state, publishing.message) == ("publishing", "")


def test_a_bake_that_was_resumed_has_its_whole_length_and_what_is_left() -> None:
    _, baking, looked, again, paused = told(
        ("change.baking", {"version": "4.0"}),
        ("bake.begun", {"left_s": 600.0, "of_s": 3600.0}),
        ("watch.looked", {"gate": "errorRate", "verdict": "pass", "message": "fine", "figures": {"failed": 1}}),
        ("watch.looked", {"gate": "errorRate", "verdict": "pass", "message": "fine", "figures": {"failed": 2}}),
        ("change.paused", {"version": "4.0", "message": "too few executions"}),
    )
    end = NOW + timedelta(seconds=610)
    assert (baking.since, baking.until, baking.version) == (end - timedelta(hours=1), end, "4.0")
    assert looked.gate == {"gate": "errorRate", "verdict": "pass", "message": "fine", "figures": {"failed": 1}}
    assert again == replace(looked, gate={**looked.gate, "figures": {"failed": 2}}, at=NOW + timedelta(seconds=30))
    assert (paused.state, paused.message, paused.until) == ("paused", "too few executions", None)


def test_what_changes_nothing_is_not_told_again() -> None:
    assert len(told(("change.live", {"version": "4.0"}), ("change.live", {"version": "4.0"}))) == 1
    assert len(told(("change.live", {"version": "4.0"}), ("write.answered", {"action": "publish"}))) == 1


def test_an_ended_change_counts_as_done() -> None:
    flows = LiveFlows("acme")
    for flow, name in (("desk", "change.recorded"), ("hours", "change.failed"), ("night", "change.baking")):
        flows.progressed(DeliveryEvent(name, "acme", 7, flow, {"version": "1.0", "reason": None}), NOW)
    assert flows.done == 2
