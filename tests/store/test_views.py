"""What passes found: kept for all readers, written only where it differs, found by filter, order and page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from controller.domain.redaction import SECRETS
from controller.domain.status import Health, SyncStatus
from controller.store.flow_filter import FlowFilter, FlowSort
from controller.store.live_marks import LiveTopic
from controller.store.running import RunningFlow
from controller.store.store import Store
from controller.store.views import FlowView, OrganizationView
from tests.support.clock import SteppedClock

REFUSAL = {"flow": None, "code": "window-closed", "message": "not now", "hint": None}
PLAN = {"name": "production", "digest": "sha256:1", "changes": [{"flow": "desk"}], "held_back": [REFUSAL]}


@pytest.fixture
def view(clock: SteppedClock) -> OrganizationView:
    return OrganizationView(
        organization="production",
        kept_as="production",
        revision="abc",
        sync=SyncStatus.OUT_OF_SYNC,
        health=Health.HEALTHY,
        message="1 change planned",
        trigger="poll",
        at=clock.now(),
        looked_fully_at=clock.now(),
        flows={"Healthy": 3},
        plan_digest="sha256:1",
        plan=PLAN,
        warnings=("a warning",),
        drift=({"flow": "desk", "message": "published out of band"},),
        held_back=(REFUSAL,),
        holder="node-a",
    )


@pytest.fixture
def flows(clock: SteppedClock) -> list[FlowView]:
    found = FlowView(
        organization="production",
        flow="desk",
        type="inboundcall",
        name="Front Desk",
        labels={"team": "voice"},
        sync=SyncStatus.SYNCED,
        health=Health.HEALTHY,
        wanted="sha256:2",
        recorded="3.0",
        version="3.0",
        flow_id="id-1",
        change="none",
        at=clock.now(),
    )
    return [
        found,
        replace(found, flow="hours", name="Öffnungszeiten", type="workflow", labels={"team": "back office"}),
        replace(found, flow="night_desk", name="Night", sync=SyncStatus.OUT_OF_SYNC, health=Health.DEGRADED,
                change="publish", labels={}),
    ]  # fmt: skip


def named(store: Store, wanted: FlowFilter, sort: FlowSort = FlowSort.FLOW) -> list[str]:
    return [flow.flow for flow in store.views.flows(None, wanted, sort=sort).items]


def written(store: Store, work: Callable[[], object]) -> list[str]:
    """The tables of the statements that change rows while the work is done, without the marks."""
    tables: list[str] = []

    def note(_c: object, _u: object, statement: str, parameters: object, _x: object, many: bool) -> None:
        verb, *words = statement.replace("\n", " ").split()
        if verb in ("INSERT", "UPDATE", "DELETE"):
            table = words[0] if verb == "UPDATE" else words[1]
            tables.extend([table] * (len(parameters) if many and isinstance(parameters, list) else 1))

    engine = store.database._engine
    event.listen(engine, "before_cursor_execute", note)
    work()
    event.remove(engine, "before_cursor_execute", note)
    return [table for table in tables if table != "live_marks"]


def test_what_a_pass_found_comes_back(store: Store, view: OrganizationView, flows: list[FlowView]) -> None:
    store.views.post(view, flows)
    assert store.views.organization("production") == view
    assert store.views.organizations() == [replace(view, plan=None)]
    assert store.views.flow("production", "desk") == flows[0]
    assert store.views.flows("production", FlowFilter()).items == tuple(flows)
    assert store.views.organization("other") is None
    assert store.views.flow("production", "other") is None


def test_what_is_awaited_never_replaces_what_a_pass_or_another_controller_wrote(
    store: Store, view: OrganizationView, flows: list[FlowView]
) -> None:
    awaited = replace(view, revision=None, sync=SyncStatus.UNKNOWN, health=Health.UNKNOWN, plan=None, holder="")
    expected = [replace(flow, sync=SyncStatus.UNKNOWN, health=Health.UNKNOWN) for flow in flows]
    mark = store.marks.changed_since(None).mark
    store.views.expect(awaited, expected)
    assert store.views.organization("production") == awaited
    assert store.views.flows("production", FlowFilter()).items == tuple(expected)
    news = store.marks.changed_since(mark)
    assert news.organizations(LiveTopic.VIEW) == {"production"}
    store.views.expect(replace(awaited, message="another one"), [])
    assert store.views.organization("production") == awaited
    assert store.marks.changed_since(news.mark).mark == news.mark, "no reader is told of nothing"
    store.views.post(view, flows)
    store.views.expect(awaited, expected)
    assert store.views.organization("production") == view
    assert store.views.flows("production", FlowFilter()).items == tuple(flows)


def test_only_rows_that_differ_are_written(
    store: Store, view: OrganizationView, flows: list[FlowView], clock: SteppedClock
) -> None:
    store.views.post(view, flows)
    clock.advance(60)
    later = [replace(flow, at=clock.now()) for flow in flows]
    assert written(store, lambda: store.views.post(view, later)) == ["organization_views"]
    assert store.views.flow("production", "desk") == flows[0], "it is as it was since its first time"
    changed = [replace(later[0], version="4.0"), *later[1:]]
    assert written(store, lambda: store.views.post(view, changed)) == ["organization_views", "flow_views"]
    assert store.views.flow("production", "desk") == changed[0]
    assert written(store, lambda: store.views.note(view)) == ["organization_views"]


def test_flows_that_are_gone_are_removed(store: Store, view: OrganizationView, flows: list[FlowView]) -> None:
    store.views.post(view, flows)
    store.views.post(view, flows[1:])
    assert named(store, FlowFilter()) == ["hours", "night_desk"]


def test_a_plan_that_no_longer_holds_is_gone(store: Store, view: OrganizationView, flows: list[FlowView]) -> None:
    store.views.post(view, flows)
    store.views.post(replace(view, plan={**PLAN, "digest": "sha256:3"}), flows)
    found = store.views.organization("production")
    assert found is not None
    assert found.plan == {**PLAN, "digest": "sha256:3"}
    store.views.post(replace(view, plan=None, plan_digest=None), flows)
    assert store.views.organization("production") == replace(view, plan=None, plan_digest=None)


def test_organisations_that_are_gone_are_forgotten(store: Store, view: OrganizationView, flows: list[FlowView]) -> None:
    store.views.post(view, flows)
    other = replace(view, organization="staging")
    store.views.post(other, [replace(flow, organization="staging") for flow in flows])
    store.views.forget(["production", "new"])
    assert [each.organization for each in store.views.organizations()] == ["staging"]
    assert {flow.organization for flow in store.views.flows(None, FlowFilter()).items} == {"staging"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (FlowFilter(search="DESK"), ["desk", "night_desk"]),
        (FlowFilter(search="öFFNUNG"), ["hours"]),
        (FlowFilter(search="t_d"), ["night_desk"]),
        (FlowFilter(search="%"), []),
        (FlowFilter(sync=SyncStatus.OUT_OF_SYNC), ["night_desk"]),
        (FlowFilter(health=Health.HEALTHY), ["desk", "hours"]),
        (FlowFilter(type="workflow"), ["hours"]),
        (FlowFilter(label="team"), ["desk", "hours"]),
        (FlowFilter(label="team=Back Office"), ["hours"]),
        (FlowFilter(label="team=back"), []),
        (FlowFilter(label="tea"), []),
        (FlowFilter(change="publish"), ["night_desk"]),
        (FlowFilter(search="desk", health=Health.HEALTHY, label="team=voice"), ["desk"]),
    ],
)
def test_flows_are_found_by_every_field_of_the_filter(
    store: Store, view: OrganizationView, flows: list[FlowView], wanted: FlowFilter, found: list[str]
) -> None:
    store.views.post(view, flows)
    assert named(store, wanted) == found


def test_flows_come_in_order_and_by_page(store: Store, view: OrganizationView, flows: list[FlowView]) -> None:
    store.views.post(view, flows)
    assert named(store, FlowFilter(), FlowSort.HEALTH_DESCENDING) == ["night_desk", "desk", "hours"]
    assert named(store, FlowFilter(), FlowSort.HEALTH) == ["desk", "hours", "night_desk"]
    assert named(store, FlowFilter(), FlowSort.FLOW_DESCENDING) == ["night_desk", "hours", "desk"]
    assert named(store, FlowFilter(), FlowSort.TYPE) == ["desk", "night_desk", "hours"]
    page = store.views.flows("production", FlowFilter(), limit=2, offset=2)
    assert ([flow.flow for flow in page.items], page.total) == (["night_desk"], 3)
    assert store.views.flows("staging", FlowFilter()).total == 0


def test_a_flow_that_is_being_changed_is_progressing_and_so_is_its_organisation(
    store: Store, view: OrganizationView, flows: list[FlowView], clock: SteppedClock
) -> None:
    store.views.post(view, flows)
    store.running.begin("production", "node-a", step="deliver", trigger="poll")
    baking = RunningFlow("production", "night_desk", "publish", "baking", clock.now(), clock.now())
    store.running.flows("production", [baking, replace(baking, flow="desk", state="pending")])
    assert named(store, FlowFilter(health=Health.PROGRESSING)) == ["night_desk"]
    assert named(store, FlowFilter(health=Health.DEGRADED)) == []
    (organization,) = store.views.organizations()
    assert organization.health is Health.PROGRESSING
    store.running.flows("production", [replace(baking, state="recorded")])
    found = store.views.organization("production")
    assert found is not None
    assert found.health is Health.HEALTHY
    flow = store.views.flow("production", "night_desk")
    assert flow is not None
    assert flow.health is Health.DEGRADED


def test_no_secret_is_kept_in_a_view(store: Store, view: OrganizationView, flows: list[FlowView]) -> None:
    SECRETS.register("hunter2hunter2")
    leaking = replace(
        view,
        message="got hunter2hunter2",
        plan={"reason": "hunter2hunter2", "held_back": []},
        warnings=("hunter2hunter2",),
    )
    flow = replace(flows[0], message="got hunter2hunter2", locked_by="hunter2hunter2")
    store.views.post(leaking, [flow])
    kept = store.views.organization("production")
    assert kept == replace(view, message="got ***", plan={"reason": "***", "held_back": [REFUSAL]}, warnings=("***",))
    assert store.views.flow("production", "desk") == replace(flow, message="got ***", locked_by="***")
    assert written(store, lambda: store.views.post(leaking, [flow])) == ["organization_views"]


def test_a_mark_tells_what_changed_since(store: Store, view: OrganizationView, flows: list[FlowView]) -> None:
    start = store.marks.changed_since(None)
    assert not start.topics
    store.views.post(view, flows)
    store.suspensions.suspend("staging", by="ada", reason="a freeze")
    found = store.marks.changed_since(start.mark)
    assert found.topics == {("production", LiveTopic.VIEW), ("staging", LiveTopic.SUSPENSION)}
    assert found.organizations(LiveTopic.SUSPENSION, LiveTopic.APPROVAL) == {"staging"}
    assert store.marks.changed_since(found.mark).topics == frozenset()
    store.approvals.give("production", "sha256:1", by="ada")
    later = store.marks.changed_since(found.mark)
    assert later.topics == {("production", LiveTopic.APPROVAL)}
    assert store.marks.changed_since(None).mark == later.mark > found.mark


def test_ten_thousand_flows_are_filtered_and_sorted_by_the_database(
    store: Store, view: OrganizationView, flows: list[FlowView], clock: SteppedClock
) -> None:
    many = [replace(flows[n % 3], flow=f"flow-{n:05}", name=f"Flow {n}") for n in range(10_000)]
    store.views.post(view, many)
    queries: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        queries.extend([statement] if statement.startswith("SELECT") else [])

    event.listen(store.database._engine, "before_cursor_execute", note)
    page = store.views.flows("production", FlowFilter(search="flow 99"), sort=FlowSort.HEALTH_DESCENDING, limit=50)
    event.remove(store.database._engine, "before_cursor_execute", note)
    assert (len(page.items), page.total) == (50, 111)
    assert page.items[0].health is Health.DEGRADED
    assert [query.count(" LIMIT ") for query in queries] == [1, 0], "one query for the page and one for the total"
    assert clock.now() - page.items[0].at == timedelta(0)
