"""The metrics of the service: what they are called, what they say, and that what is gone is no longer shown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import DeliveryPaused, SafetyLimit, SyncSuspended
from controller.domain.errors.organization import Unreachable
from controller.domain.errors.process import StoreFailed
from controller.domain.platform import CallLoad, Priority
from controller.genesys.budget import RateBudget
from controller.planning.model import Drift
from controller.reconcile.announcing import RECEIVER
from controller.reconcile.workspace import open_folder
from controller.service.board import Board
from controller.service.http import Measured
from controller.service.metrics import Metrics
from tests.safety.test_announcing import receiver, told
from tests.safety.test_workers import pause_a_delivery, running
from tests.support.clock import SteppedClock
from tests.support.metrics import metrics_served
from tests.support.patience import PATIENCE_S
from tests.support.sources import inbound
from tests.support.world import World

__all__ = ["receiver", "told"]

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"
GATE = {"errorRate": {"window": "1m", "minimumSamples": 5, "max": "10%", "onNoData": "wait"}}
ROW = re.compile(r"^\| `(penstock_\w+)` \| (\w+) \| ([\w, ]*?) ?\| \S", re.MULTILINE)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_the_page_lists_every_metric_with_its_type_and_labels_and_no_other() -> None:
    listed = {
        (name, kind, tuple(labels.split(", ")) if labels else ())
        for name, kind, labels in ROW.findall(PAGE.read_text())
    }

    assert listed == {(each.name, each.kind, each.labels) for each in metrics_served()}


def test_every_name_on_the_page_exists() -> None:
    known = {each.name for each in metrics_served()} | {
        sample.name for family in REGISTRY.collect() for sample in family.samples
    }
    named = set(re.findall(r"`((?:penstock|process|python)_\w+)`", PAGE.read_text()))

    assert named <= known


async def test_what_a_pass_leaves_is_shown(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    metrics = Metrics(world.clock)
    metrics.expect(["acme"])
    assert value(metrics, "penstock_last_look_timestamp_seconds", organization="acme") == 0
    planned = await world.plan()

    metrics.observe(planned, manual=True)
    assert value(metrics, "penstock_planned_changes", organization="acme") == 1
    assert value(metrics, "penstock_approval_waiting", organization="acme") == 1
    metrics.observe(planned)
    assert value(metrics, "penstock_approval_waiting", organization="acme") == 0
    metrics.observe(await world.apply())
    metrics.observe(await world.plan(), manual=True)

    assert value(metrics, "penstock_planned_changes", organization="acme") == 0
    assert value(metrics, "penstock_approval_waiting", organization="acme") == 0
    looked = value(metrics, "penstock_last_look_timestamp_seconds", organization="acme")
    assert looked == world.clock.now().timestamp()


@pytest.mark.parametrize(
    ("error", "with_plan", "failed", "paused"),
    [
        (Unreachable("no answer"), False, 1, 0),
        (Unreachable("no answer"), True, 1, 0),
        (SafetyLimit("too many"), True, 0, 0),
        (SyncSuspended("a delivery is left as it is"), False, 0, 0),
        (DeliveryPaused("a gate could not decide", retry_after_s=60), True, 0, 1),
    ],
)
async def test_an_error_is_a_failed_pass_and_a_refusal_is_not(
    world: World, error: PenstockError, with_plan: bool, failed: int, paused: int
) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    report = await world.plan()
    metrics = Metrics()
    metrics.expect(["acme"])
    metrics.observe(replace(report, error=error, plan=report.plan if with_plan else None))

    assert value(metrics, "penstock_last_pass_failed", organization="acme") == failed
    assert value(metrics, "penstock_delivery_paused", organization="acme") == paused


@pytest.mark.parametrize("mode", ["auto", "manual"])
async def test_a_paused_delivery_is_shown_and_is_no_failed_pass(world: World, mode: str) -> None:
    await pause_a_delivery(world, mode)
    async with running(world.services) as service:
        metrics = service.controller.metrics
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(service.entry, "it was looked at")

        assert value(metrics, "penstock_delivery_paused", organization="acme") == 1
        assert value(metrics, "penstock_last_pass_failed", organization="acme") == 0
        assert value(metrics, "penstock_health", organization="acme", health="Suspended") == 1


@pytest.mark.parametrize("mode", ["auto", "manual"])
async def test_a_delivery_that_stays_paused_is_counted_once(world: World, mode: str) -> None:
    """Each pass recovers it, and asks its gate again."""
    metrics = Metrics()
    world.flow("front", inbound("Front"), gates=[GATE])
    world.commit()
    metrics.observe(await world.apply())
    world.describe(sync={"mode": mode})
    world.commit()
    for _ in range(3):
        metrics.observe(await world.apply())
        metrics.observe(await world.plan())

    assert value(metrics, "penstock_syncs_total", organization="acme", outcome="paused") == 1


async def test_a_flow_that_is_only_locked_is_no_drift(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    report = await world.plan()
    assert report.plan is not None
    key = report.plan.changes[0].key
    drift = tuple(Drift(str(key), key, kind, None, None, kind) for kind in ("lock", "version"))
    metrics = Metrics()
    metrics.observe(replace(report, plan=replace(report.plan, drift=drift)))

    assert value(metrics, "penstock_drift", organization="acme") == 1


async def test_a_trigger_names_neither_person_nor_commit(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    report = await world.plan()
    metrics = Metrics()
    trigger = "approve by Lovelace, Ada, revision 0123456789ab, drift, approved in pull request 7, sync: urgent, please"
    metrics.observe(replace(report, trigger=trigger))
    metrics.observe(replace(report, trigger="rollback: Ada asked, twice"))

    [passes] = [each for each in metrics.registry.collect() if each.name == "penstock_passes"]
    triggers = {sample.labels["trigger"] for sample in passes.samples}
    assert triggers == {"a person, approved, drift, revision", "rollback"}


async def test_nothing_is_shown_of_an_organisation_that_is_gone(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    metrics = Metrics()
    loads = {"acme": CallLoad(waiting=1, used=0.5), "uk": CallLoad()}
    metrics.serve(300, Board(world.clock), lambda: True, lambda: loads)
    metrics.expect(["acme", "uk"])
    metrics.observe(await world.apply())
    metrics.calls_of("acme")("GET", "/api/v2/flows", 0.1, 429)
    assert value(metrics, "penstock_api_requests_total", organization="acme", answer="429") == 1
    assert value(metrics, "penstock_api_budget_used_ratio", organization="acme") == 0.5
    assert value(metrics, "penstock_api_calls_waiting", organization="acme") == 1

    metrics.expect(["uk"])

    shown = {sample.labels.get("organization") for each in metrics.registry.collect() for sample in each.samples}
    assert shown == {None, "uk"}


def test_counters_that_alerts_compare_begin_at_0() -> None:
    metrics = Metrics()
    metrics.expect(["acme"])
    metrics.take_webhooks()

    assert value(metrics, "penstock_syncs_total", organization="acme", outcome="rolled-back") == 0
    assert value(metrics, "penstock_api_requests_total", organization="acme", answer="none") == 0
    assert value(metrics, "penstock_incoming_webhooks_total", forge="gitea", result="forged") == 0
    assert value(metrics, "penstock_store_failures_total", kind="write") == 0


async def test_the_used_share_of_the_request_limit_is_the_larger_of_ours_and_the_organisations() -> None:
    clock = SteppedClock()
    budget = RateBudget(clock, limit=10, reserve=0.1, concurrency=5)
    async with budget.slot(Priority.OBSERVE) as slot:
        slot.spent = True
    assert budget.load.used == 0.1
    budget.learn({"inin-ratelimit-count": "6", "inin-ratelimit-reset": "30", "inin-ratelimit-allowed": "10"})
    assert budget.load.used == 0.6
    await clock.sleep(61)
    assert budget.load.used == 0.0


async def test_a_service_tells_of_its_store_its_readiness_and_its_calls(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    async with running(world.services, drift_interval=77.0) as service:
        metrics = service.controller.metrics
        assert value(metrics, "penstock_ready") == 0
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.controller.board.ready, "the first pass")

        assert value(metrics, "penstock_ready") == 1
        assert value(metrics, "penstock_drift_interval_seconds") == 77
        assert (value(metrics, "penstock_store_transaction_seconds_count", kind="read") or 0) > 0
        assert (value(metrics, "penstock_store_transaction_seconds_count", kind="write") or 0) > 0
        assert (value(metrics, "penstock_api_requests_total", organization="acme", answer="2xx") or 0) > 0
        assert (value(metrics, "penstock_api_budget_used_ratio", organization="acme") or 0) > 0


async def test_messages_are_counted_from_0_by_the_service(told: World) -> None:
    async with running(told.services) as service:
        metrics = service.controller.metrics
        labels = {"receiver": RECEIVER, "outcome": "delivered"}
        assert value(metrics, "penstock_outgoing_messages_total", **labels) == 0
        service.feed.give(open_folder(told.clone, told.settings))
        await service.until(
            lambda: value(metrics, "penstock_outgoing_messages_total", **labels) == 2, "both messages are counted"
        )
    assert value(metrics, "penstock_outgoing_messages_failing", receiver=RECEIVER) == 0


def test_findings_in_the_audit_log_and_failed_messages_are_shown_until_they_end() -> None:
    metrics = Metrics()
    metrics.audited({"acme": 2, "uk": 0})
    assert value(metrics, "penstock_audit_findings", organization="acme") == 2
    metrics.audited({"uk": 0})
    assert value(metrics, "penstock_audit_findings", organization="acme") is None
    metrics.tried("change-management", taken=False)
    assert value(metrics, "penstock_outgoing_messages_failing", receiver="change-management") == 1
    metrics.tried("change-management", taken=True)
    assert value(metrics, "penstock_outgoing_messages_failing", receiver="change-management") == 0


def test_a_transaction_that_the_store_fails_is_counted(world: World) -> None:
    metrics = Metrics()
    database = world.services.store.database
    database.observer = metrics.stored
    with pytest.raises(StoreFailed), database.write() as connection:
        connection.exec_driver_sql("SELECT * FROM nothing_of_that_name")
    with pytest.raises(ZeroDivisionError), database.read():
        raise ZeroDivisionError

    assert value(metrics, "penstock_store_failures_total", kind="write") == 1
    assert value(metrics, "penstock_store_failures_total", kind="read") == 0
    assert value(metrics, "penstock_store_transaction_seconds_count", kind="read") == 1


async def test_answers_of_the_service_are_timed_until_they_begin() -> None:
    metrics = Metrics()

    async def events(_: object) -> StreamingResponse:
        async def parts():
            yield "begun"
            count = value(metrics, "penstock_http_answer_seconds_count", area="api", status="2xx")
            yield f" {count}"

        return StreamingResponse(parts())

    async def page(_: object) -> PlainTextResponse:
        return PlainTextResponse("no", status_code=503)

    app = Starlette(routes=[Route("/api/v1/events", events), Route("/readyz", page), Route("/", page)])
    app.add_middleware(Measured, observer=metrics.answered)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        stream = (await client.get("/api/v1/events", timeout=PATIENCE_S)).text
        await client.get("/readyz")
        await client.get("/")

    assert stream == "begun 1.0"
    assert value(metrics, "penstock_http_answer_seconds_count", area="probes", status="5xx") == 1
    assert value(metrics, "penstock_http_answer_seconds_count", area="pages", status="5xx") == 1
