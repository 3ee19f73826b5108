"""What runs now: shown from the first step to the end of the pass, and told apart from what is not heard from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.domain.redaction import SECRETS
from controller.store.live_marks import LiveTopic
from controller.store.running import RunningFlow, RunningPass
from controller.store.store import Store
from tests.support.clock import SteppedClock


@pytest.fixture
def baking(clock: SteppedClock) -> RunningFlow:
    return RunningFlow(
        organization="production",
        flow="desk",
        kind="publish",
        state="baking",
        since=clock.now(),
        at=clock.now(),
        sync_id=7,
        version="4.0",
        until=clock.now() + timedelta(hours=1),
        gate={"gate": "errorRate", "verdict": "pass", "message": "0 of 30 failed", "figures": {"failed": 0}},
    )


def running(store: Store) -> RunningPass:
    found = store.running.of("production")
    assert found is not None
    return found


def test_a_pass_is_shown_with_its_step_and_its_flows_until_it_ends(
    store: Store, clock: SteppedClock, baking: RunningFlow
) -> None:
    assert store.running.of("production") is None
    store.running.begin("production", "node-a", step="observe", trigger="revision abc")
    store.running.step("production", "observe", done=3, total=9)
    found = running(store)
    assert (found.step, found.done, found.total, found.since) == ("observe", 3, 9, clock.now())
    clock.advance(5)
    store.running.step("production", "deliver")
    store.running.flows("production", [baking, replace(baking, flow="hours", state="pending", gate=None)])
    found = running(store)
    assert (found.step, found.done, found.total) == ("deliver", None, None)
    assert found.flows == (baking, replace(baking, flow="hours", state="pending", gate=None))
    store.running.flows("production", [replace(baking, state="recorded")])
    assert [flow.state for flow in running(store).flows] == ["recorded", "pending"]
    assert store.running.all() == [running(store)]
    store.running.end("production")
    assert store.running.all() == []


def test_a_pass_that_begins_replaces_what_another_left_behind(store: Store, baking: RunningFlow) -> None:
    store.running.begin("production", "node-a", step="deliver", trigger="revision abc")
    store.running.flows("production", [baking])
    store.running.begin("production", "node-b", step="recover", trigger="start")
    assert (running(store).holder, running(store).flows) == ("node-b", ())


def test_a_controller_that_does_not_beat_is_not_heard_from(store: Store, clock: SteppedClock) -> None:
    store.running.begin("production", "node-a", step="deliver", trigger="poll")
    store.running.begin("staging", "node-b", step="deliver", trigger="poll")
    clock.advance(store.database.lease_ttl_s - 2)
    store.running.beat("node-b")
    clock.advance(3)
    silent, alive = store.running.all()
    assert (silent.organization, silent.heard, silent.beat_at) == ("production", False, clock.start)
    assert (alive.organization, alive.heard) == ("staging", True)


def test_a_bake_tells_its_percentage_at_every_moment(clock: SteppedClock, baking: RunningFlow) -> None:
    assert baking.progress(clock.now()) == 0
    assert baking.progress(clock.now() + timedelta(minutes=15)) == 25
    assert baking.progress(clock.now() + timedelta(hours=2)) == 100
    assert replace(baking, percent=40.0).progress(clock.now()) == 40
    assert replace(baking, until=None).progress(clock.now()) is None


def test_an_end_of_what_was_not_shown_changes_nothing(store: Store) -> None:
    mark = store.marks.changed_since(None).mark
    store.running.end("production")
    assert store.marks.changed_since(mark).topics == frozenset()
    store.running.begin("production", "node-a", step="deliver", trigger="poll")
    store.running.end("production")
    assert store.marks.changed_since(mark).topics == {("production", LiveTopic.RUNNING)}


def test_no_secret_is_kept_about_a_running_flow(store: Store, baking: RunningFlow) -> None:
    SECRETS.register("hunter2hunter2")
    store.running.begin("production", "node-a", step="deliver", trigger="poll")
    store.running.flows("production", [replace(baking, message="hunter2hunter2", gate={"message": "hunter2hunter2"})])
    (kept,) = running(store).flows
    assert (kept.message, kept.gate) == ("***", {"message": "***"})
