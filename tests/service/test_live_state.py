"""What runs is seen at every second, from every replica; what people ask is done once, by whichever has the lease."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from controller.domain.identity import FlowKey
from controller.domain.status import Health, SyncStatus
from controller.planning.guard import Confirmations
from controller.questions.live_state import flow_now, organizations_now
from controller.reconcile.services import Services
from controller.reconcile.workspace import open_folder
from controller.repository.repository import Repository
from controller.service.feeds import GitFeed
from controller.service.live import LiveListener
from controller.service.status_document import status_document
from controller.store.actions import ActionOutcome, AskedAction, NewAction, Verb
from controller.store.flow_filter import FlowFilter
from controller.store.live_marks import LiveTopic
from controller.store.running import RunningFlow
from controller.store.store import Store
from tests.safety.test_workers import Running, running
from tests.support.played_once import played_once
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, Crash, Recording, World

HOUR_S = 3600.0
DESK = FlowKey("inboundcall", "Desk")


def progressing(replica: Running) -> float | None:
    registry = replica.controller.metrics.registry.restricted_registry(["penstock_health"])  # all others take longer
    wanted = {"organization": ORGANIZATION, "health": Health.PROGRESSING.value}
    samples = (sample for metric in registry.collect() for sample in metric.samples)
    return next((sample.value for sample in samples if sample.labels == wanted), None)


def desk(store: Store) -> RunningFlow | None:
    found = store.running.of(ORGANIZATION)
    return next((flow for flow in found.flows if flow.flow == "desk"), None) if found is not None else None


def looked(store: Store) -> bool:
    """Whether a pass over the organisation has ended."""
    view = store.views.organization(ORGANIZATION)
    return view is not None and view.revision is not None


def state(store: Store) -> str | None:
    flow = desk(store)
    return None if flow is None else flow.state


@pytest.fixture
async def second(world: World) -> AsyncIterator[Services]:
    """The services of a second replica, over the same store."""
    services = world._services("controller-b")
    yield services
    services.store.close()


@contextlib.asynccontextmanager
async def two_replicas(world: World, second: Services) -> AsyncIterator[tuple[Running, Running]]:
    async with running(world.services) as first, running(second) as other:
        for replica in (first, other):
            replica.feed.give(open_folder(world.clone, world.settings))
        yield first, other


@contextlib.contextmanager
def failing(store: Store, statement: str) -> Iterator[None]:
    """Such statements on the store fail."""
    with store.database.write() as connection:
        refuse = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        connection.execute(text(f"CREATE TRIGGER refusing BEFORE {statement} {refuse}"))
    yield
    with store.database.write() as connection:
        connection.execute(text("DROP TRIGGER refusing"))


def git_feed(world: World) -> GitFeed:
    cloned = Repository.clone(str(world.remote), world.folder / f"{uuid4()}.git", branch="main")
    return GitFeed(lambda: cloned, world.settings, world.clock)


@played_once
async def delivered(world: World, **spec: object) -> None:
    """Two versions of `desk` were delivered; `spec` is the organisation's."""
    world.describe(**spec)
    world.flow("desk", inbound("Desk"))
    world.commit()
    assert (await world.apply(confirmations=_approving(await digest(world)))).delivered
    world.flow("desk", inbound("Desk", says="Good evening"))
    world.commit()
    assert (await world.apply(confirmations=_approving(await digest(world)))).delivered


async def test_a_bake_of_an_hour_is_seen_as_such_at_every_second_and_in_every_replica(
    world: World, second: Services
) -> None:
    world.flow("desk", inbound("Desk"), rollout={"bake": "1h"})
    world.commit()
    seen: list[tuple[object, ...]] = []
    async with two_replicas(world, second) as (first, other):
        await first.until(lambda: state(second.store) == "baking", "the bake is seen")
        baking = desk(second.store)
        assert baking is not None
        assert baking.until is not None
        left_s = (baking.until - world.clock.now()).total_seconds()
        assert HOUR_S - 60 <= left_s <= HOUR_S
        assert (baking.version, baking.kind, baking.since < baking.until) == ("1.0", "create", True)
        await world.clock.sleep(1.5)  # until the other replica has polled
        while world.clock.now() < baking.until:
            found = second.store.running.of(ORGANIZATION)
            states = [flow.state for flow in found.flows if flow.flow == "desk"] if found is not None else []
            health = second.store.views.healths().get(ORGANIZATION)
            seen.append((*states, progressing(first), health, found is not None and found.heard))
            await world.clock.sleep(1)
        assert progressing(other) is None, "another replica looks after the organisation"
        view = second.store.views.organization(ORGANIZATION)
        (served,) = status_document(other.controller.board, {}, second.store).organizations
        await first.until(lambda: first.status() is SyncStatus.SYNCED, "it is delivered")
        await first.until(lambda: second.store.running.of(ORGANIZATION) is None, "nothing runs any more")
        await first.until(lambda: progressing(first) == 0, "and nothing shows as progressing")
    assert len(seen) > HOUR_S - 60
    assert set(seen) == {("baking", 1.0, Health.PROGRESSING, True)}
    assert view is not None
    assert (view.health, served.health, served.replica) == (Health.PROGRESSING, Health.PROGRESSING, "controller-a")
    kept = second.store.views.flow(ORGANIZATION, "desk")
    assert kept is not None
    assert (kept.health, kept.sync, kept.version, kept.change) == (Health.HEALTHY, SyncStatus.SYNCED, "1.0", "none")


async def test_an_organisation_is_listed_in_every_replica_while_its_first_delivery_runs(
    world: World, second: Services
) -> None:
    world.flow("desk", inbound("Desk"), rollout={"bake": "10m"})
    world.flow("hours", inbound("Hours"))
    world.commit()
    async with running(world.services) as first:
        first.feed.give(open_folder(world.clone, world.settings))
        await first.until(lambda: state(second.store) == "baking", "it bakes")
        (listed,) = organizations_now(second.store, lambda _: True, world.clock.now()).organizations
        (served,) = status_document(first.controller.board, {}, second.store).organizations
        flows = second.store.views.flows(ORGANIZATION, FlowFilter()).items
        view = second.store.views.organization(ORGANIZATION)
        assert view is not None
        now = flow_now(second.store, view, flows[0], world.clock.now())
        await first.until(lambda: first.status() is SyncStatus.SYNCED, "it is delivered")
        await first.until(lambda: looked(second.store), "the first pass has ended")
    for found in (listed, served):
        assert (found.name, found.sync, found.health) == (ORGANIZATION, SyncStatus.UNKNOWN, Health.PROGRESSING)
        assert (found.message, found.revision) == ("the first pass has not ended yet", None)
        assert found.running is not None
        assert "desk" in [flow.flow for flow in found.running.flows]
    assert (listed.flows, served.holder) == ({"Unknown": 2}, None)
    assert [(flow.flow, flow.type, flow.name) for flow in flows] == [
        ("desk", "inboundcall", "Desk"),
        ("hours", "inboundcall", "Hours"),
    ]
    assert (now.flow.health, now.running is not None and now.running.state) == (Health.PROGRESSING, "baking")
    kept = second.store.views.organization(ORGANIZATION)
    assert kept is not None
    assert (kept.sync, kept.health, kept.flows) == (SyncStatus.SYNCED, Health.HEALTHY, {"Healthy": 2})


async def test_an_organisation_that_the_store_did_not_take_is_listed_once_it_does(world: World) -> None:
    world.flow("desk", inbound("Desk"), rollout={"bake": "10m"})
    world.commit()
    store = world.services.store
    async with running(world.services) as service:
        with failing(store, "INSERT ON organization_views"):
            service.feed.give(open_folder(world.clone, world.settings))
            await service.until(lambda: state(store) == "baking", "it bakes")
            assert store.views.organizations() == []
        await world.clock.sleep(3)
        assert [view.organization for view in store.views.organizations()] == [ORGANIZATION]
        assert state(store) == "baking"


async def test_the_steps_of_a_delivery_and_what_its_gate_counted_are_seen_while_it_runs(
    world: World, second: Services
) -> None:
    gate = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "5%", "onNoData": "pass"}}
    world.flow("desk", inbound("Desk"), rollout={"bake": "10m"}, gates=[gate])
    world.flow("hours", inbound("Hours"))
    world.commit()
    states: list[str] = []
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        while service.status() is not SyncStatus.SYNCED:
            found = second.store.running.of(ORGANIZATION)
            for flow in found.flows if found is not None else ():
                if flow.flow == "desk" and flow.state not in states[-1:]:
                    states.append(flow.state)
                if flow.flow == "desk" and flow.state == "baking" and flow.gate is not None:
                    assert flow.gate["figures"] == {"failed": 0, "total": 0, "minimum": 5, "limit": 0.05}
                    states.append("gate") if "gate" not in states else None
            await world.clock.sleep(2)
    assert [each for each in states if each in ("baking", "gate")][:2] == ["baking", "gate"]


async def test_a_controller_that_died_in_a_delivery_is_not_heard_from_until_another_resumes_it(
    world: World, second: Services
) -> None:
    world.flow("desk", inbound("Desk"), rollout={"bake": "5m"})
    world.commit()
    dying = Recording(lambda event: event.name == "bake.begun")
    listener = LiveListener(ORGANIZATION, world.services, dying)
    listener.pass_begins("revision")
    with pytest.raises(Crash):
        await world.apply(listener)  # type: ignore[arg-type]
    listener.pass_ended()  # the timers of a process die with it
    found = second.store.running.of(ORGANIZATION)
    assert found is not None
    assert found.heard
    world.clock.advance(61)
    found = second.store.running.of(ORGANIZATION)
    assert found is not None
    assert (found.heard, found.holder, state(second.store)) == (False, "controller-a", "publishing")

    async with running(second) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: state(second.store) == "baking", "another one resumes the bake")
        resumed = second.store.running.of(ORGANIZATION)
        assert resumed is not None
        assert (resumed.holder, resumed.heard) == ("controller-b", True)
        await service.until(lambda: second.store.running.of(ORGANIZATION) is None, "it has ended")
    assert world.live("inboundcall", "Desk") == "1.0"


async def test_a_bake_is_parked_where_its_organisation_is_taken_from_the_replica_and_resumed_where_it_comes_back(
    world: World,
) -> None:
    world.flow("desk", inbound("Desk"), rollout={"bake": "1h"})
    world.commit()
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        store, workers = world.services.store, service.controller._workers
        await service.until(lambda: state(store) == "baking", "it bakes")
        began_s = world.clock.elapsed_s
        workers.interrupt(ORGANIZATION)
        await service.until(lambda: not workers.works_on(ORGANIZATION), "the worker has ended")
        assert world.clock.elapsed_s - began_s < 60
        assert store.journal.unfinished(ORGANIZATION)
        assert service.controller._assignment.holds(ORGANIZATION), "the assignment decides, not the worker"
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it is delivered")
    (sync,) = store.journal.history(ORGANIZATION)
    assert sync.finished_at is not None
    assert (sync.finished_at - sync.started_at).total_seconds() == pytest.approx(HOUR_S, abs=120)
    assert world.publishes() == ["inboundcall/Desk"]


async def test_a_look_that_finds_what_the_last_one_found_writes_one_row(world: World) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    writes: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        verb, *words = statement.replace("\n", " ").split()
        if verb in ("INSERT", "UPDATE", "DELETE"):
            writes.append(words[0] if verb == "UPDATE" else words[1])

    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it is delivered")
        await world.clock.sleep(130)
        view = world.services.store.views.organization(ORGANIZATION)
        assert view is not None
        looked_before = view.at
        event.listen(world.services.store.database._engine, "before_cursor_execute", note)
        world.simulator.calls.clear()
        await world.clock.sleep(600)
        calls = len(world.simulator.calls.log("GET", "/api/v2/flows"))
        event.remove(world.services.store.database._engine, "before_cursor_execute", note)
        view = world.services.store.views.organization(ORGANIZATION)
        assert view is not None
        assert view.at > looked_before
    live = [table for table in writes if table not in ("leases", "replicas", "bindings", "running_passes")]
    assert set(live) == {"organization_views"}
    assert len(live) == calls == 10, "one look a minute, one call and one row each"


def ask(store: Store, verb: Verb, key: str = "k", **about: object) -> AskedAction:
    wanted = NewAction(organization=ORGANIZATION, verb=verb, by="ada", reason="she knows", key=key, **about)  # type: ignore[arg-type]
    action, _ = store.actions.ask(wanted)
    return action


def outcome(store: Store, action: AskedAction) -> AskedAction | None:
    found = store.actions.get(action.id)
    return found if found is not None and found.outcome is not None else None


async def digest(world: World) -> str:
    return (await world.plan()).plan_or_raise().digest


def _approving(digest: str) -> Confirmations:
    return Confirmations(approved_digest=digest)


async def test_a_sync_that_a_person_asks_for_is_done_once_although_two_replicas_look(
    world: World, second: Services
) -> None:
    world.describe(sync={"mode": "manual"})
    world.flow("desk", inbound("Desk"))
    world.commit()
    async with two_replicas(world, second) as (first, other):
        await first.until(lambda: looked(second.store) and other.controller.board.ready, "one of them has looked")
        view = second.store.views.organization(ORGANIZATION)
        assert view is not None
        assert view.plan is not None
        assert view.plan["digest"] == view.plan_digest
        assert world.publishes() == []
        action = ask(second.store, Verb.SYNC, digest=view.plan_digest)
        await first.until(lambda: outcome(second.store, action), "it is done")
        await world.clock.sleep(300)
    done = outcome(second.store, action)
    assert done is not None
    assert (done.outcome, done.taken_by in ("controller-a", "controller-b")) == (ActionOutcome.DONE, True)
    assert world.publishes() == ["inboundcall/Desk"]
    (sync,) = second.store.journal.history(ORGANIZATION)
    assert (sync.actor, sync.trigger) == ("ada", "sync: she knows")


async def test_a_sync_delivers_the_plan_that_the_person_saw_and_no_other(world: World, second: Services) -> None:
    world.describe(sync={"mode": "manual"})
    world.flow("desk", inbound("Desk"))
    world.commit()
    seen = await digest(world)
    world.flow("hours", inbound("Hours"))
    world.commit()
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        action = ask(second.store, Verb.SYNC, digest=seen)
        await service.until(lambda: outcome(second.store, action), "it is refused")
    done = outcome(second.store, action)
    assert done is not None
    assert done.outcome is ActionOutcome.REFUSED
    assert done.message is not None
    assert f"not {seen}" in done.message
    assert world.publishes() == []


async def test_an_approval_in_the_store_is_delivered_at_once_and_holds_for_that_plan_alone(
    world: World, second: Services
) -> None:
    world.describe(sync={"mode": "manual"})
    world.flow("desk", inbound("Desk"))
    world.commit()
    async with running(world.services, drift_interval=3000.0) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(service.status, "it has looked")
        second.store.approvals.give(ORGANIZATION, "sha256:" + "0" * 64, by="ada")
        await world.clock.sleep(10)
        assert world.publishes() == []
        began = world.clock.monotonic()
        second.store.approvals.give(ORGANIZATION, await digest(world), by="ada")
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "the approved plan is delivered")
        assert world.clock.monotonic() - began < 100
        world.flow("hours", inbound("Hours"))
        world.commit()
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() is SyncStatus.OUT_OF_SYNC, "the next plan waits")
        await world.clock.sleep(100)
    assert world.publishes() == ["inboundcall/Desk"]


async def test_a_rollback_that_a_person_asks_for_does_not_wait_for_the_end_of_the_bake(
    world: World, second: Services
) -> None:
    await delivered(world)
    world.flow("desk", inbound("Desk", says="Good night"), rollout={"bake": "1h"})
    world.commit()
    async with two_replicas(world, second) as (first, _):
        await first.until(lambda: state(second.store) == "baking", "it bakes")
        began = world.clock.monotonic()
        action = ask(second.store, Verb.ROLLBACK, flow="desk")
        await first.until(lambda: outcome(second.store, action), "it is done")
        assert world.clock.monotonic() - began < 300
        await first.until(lambda: (found := second.store.views.flow(ORGANIZATION, "desk")) and found.version == "2.0",
                          "the view shows the version before")  # fmt: skip
    done = outcome(second.store, action)
    assert done is not None
    assert done.outcome is ActionOutcome.DONE, done.message
    assert world.live("inboundcall", "Desk") == "2.0"
    quarantined = second.store.quarantines.active(ORGANIZATION)
    assert [each.key for each in quarantined] == [DESK]


async def test_a_retry_lifts_the_quarantine_of_that_flow_and_delivers_it(world: World, second: Services) -> None:
    await delivered(world)
    assert (await world.rollback("desk")).error is None
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(service.status, "it has looked")
        assert world.live("inboundcall", "Desk") == "1.0"
        action = ask(second.store, Verb.RETRY, flow="desk")
        await service.until(lambda: outcome(second.store, action), "it is done")
    done = outcome(second.store, action)
    assert done is not None
    assert done.outcome is ActionOutcome.DONE, done.message
    assert world.live("inboundcall", "Desk") == "3.0", "the content of 2.0, published again"
    assert second.store.quarantines.active(ORGANIZATION) == ()


async def test_an_action_on_an_unknown_flow_fails_and_the_usual_looks_go_on(world: World, second: Services) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it is delivered")
        action = ask(second.store, Verb.ROLLBACK, flow="nobody")
        await service.until(lambda: outcome(second.store, action), "it failed")
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it looks again")
    done = outcome(second.store, action)
    assert done is not None
    assert done.outcome is ActionOutcome.FAILED
    assert done.message is not None
    assert "nobody" in done.message


async def test_a_suspension_is_seen_at_once_and_its_end_delivers(world: World, second: Services) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    second.store.suspensions.suspend(ORGANIZATION, by="ada", reason="an incident")
    async with running(world.services, drift_interval=3000.0) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: looked(second.store), "it has looked")
        view = second.store.views.organization(ORGANIZATION)
        assert view is not None
        assert "ada suspended it" in view.message
        assert view.plan is not None
        assert [each["code"] for each in view.plan["held_back"]] == ["sync-suspended"]
        began = world.clock.monotonic()
        second.store.suspensions.resume(ORGANIZATION, by="ada", reason="over")
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it is delivered")
        assert world.clock.monotonic() - began < 100


async def test_organisations_that_are_gone_from_the_manifests_are_forgotten(world: World, second: Services) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it is delivered")
        manifest = (world.clone / "organization.yaml").read_text()
        (world.clone / "organization.yaml").write_text(manifest.replace(f"name: {ORGANIZATION}", "name: renamed"))
        world.commit()
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(
            lambda: [each.organization for each in second.store.views.organizations()] == ["renamed"],
            "the former name is forgotten",
        )
    assert second.store.views.flows(ORGANIZATION, FlowFilter()).total == 0


async def test_unreadable_manifests_make_no_organisation_forgotten(world: World, second: Services) -> None:
    world.flow("desk", inbound("Desk"))
    world.commit()
    store, manifest = second.store, world.clone / "organization.yaml"
    async with running(world.services, feed=git_feed(world)) as service:
        await service.until(lambda: service.status() is SyncStatus.SYNCED, "it is delivered")
        manifest.write_text(manifest.read_text().replace("kind: Organization", "kind: Organisation"))
        world.commit("Break it")
        await service.until(lambda: service.controller.board.fault, "the manifests cannot be read")
        await world.clock.sleep(300)
    world.clock.advance(2 * 24 * HOUR_S)
    async with running(second, feed=git_feed(world)) as restarted:
        await restarted.until(lambda: restarted.controller.board.fault, "another process cannot read them either")
        await world.clock.sleep(300)
        assert [view.organization for view in store.views.organizations()] == [ORGANIZATION]
        assert store.views.flows(ORGANIZATION, FlowFilter()).total == 1


async def test_an_end_that_the_store_did_not_take_is_written_before_the_next_action_is_taken(
    world: World, second: Services
) -> None:
    await delivered(world)
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(service.status, "it has looked")
        with failing(second.store, "UPDATE OF done_at ON actions"):
            first = ask(second.store, Verb.ROLLBACK, flow="desk", key="1")
            await service.until(lambda: world.live("inboundcall", "Desk") == "1.0", "it is rolled back")
            later = ask(second.store, Verb.RETRY, flow="desk", key="2")
            await world.clock.sleep(60)
            waiting = second.store.actions.get(later.id)
            assert (outcome(second.store, first), waiting) == (None, later), "nobody has taken it"
        await service.until(lambda: outcome(second.store, later), "both are done")
    ended, next_one = outcome(second.store, first), outcome(second.store, later)
    assert ended is not None
    assert next_one is not None
    assert ended.done_at is not None
    assert next_one.taken_at is not None
    assert (ended.outcome, next_one.outcome) == (ActionOutcome.DONE, ActionOutcome.DONE)
    assert ended.done_at <= next_one.taken_at
    assert world.live("inboundcall", "Desk") == "3.0", "the content of 2.0, published again"


async def test_a_sync_waits_for_the_delivery_that_runs_and_no_other_controller_tries_meanwhile(
    world: World, second: Services
) -> None:
    world.flow("desk", inbound("Desk"), rollout={"bake": "5m"})
    world.commit()
    async with two_replicas(world, second) as (first, _):
        await first.until(lambda: state(second.store) == "baking", "it bakes")
        action = ask(second.store, Verb.SYNC)
        mark = second.store.marks.changed_since(None).mark
        await world.clock.sleep(200)
        assert second.store.actions.get(action.id) == action, "nobody has taken it"
        assert ORGANIZATION not in second.store.marks.changed_since(mark).organizations(LiveTopic.ACTION)
        assert state(second.store) == "baking"
        await first.until(lambda: outcome(second.store, action), "it is done")
    done = outcome(second.store, action)
    assert done is not None
    assert done.outcome is ActionOutcome.DONE
    assert world.publishes() == ["inboundcall/Desk"]
