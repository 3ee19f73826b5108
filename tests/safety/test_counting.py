"""What the service counts: deliveries, changes, validations, and how long each call to an organisation takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from controller.domain.capabilities import VERSIONED
from controller.reconcile.workspace import open_folder
from controller.service.board import Board
from controller.service.http import service_routes
from controller.service.metrics import Metrics
from tests.safety.test_workers import running
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World


@pytest.fixture
async def versioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made = World(tmp_path, dialect=VERSIONED)
    yield made
    await made.close()


async def page(service, world: World, path: str) -> httpx.Response:
    controller = service.controller
    app = Starlette(routes=service_routes(controller.board, controller.metrics.registry, world.services.latencies))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        return await client.get(path)


async def test_deliveries_validations_and_calls_are_exported(versioned: World) -> None:
    world = versioned
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.entry() and len(world.publishes()) == 2, "both are live")
        await service.until(lambda: service.status() == "Synced", "the delivery is told")
        broken = inbound("Front", says="Second", calls=["Hours"]).replace("task[Main_1]", "task[Nowhere]")
        world.flow("front", broken)
        world.commit()
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() == "OutOfSync", "the failure is told")

        text = (await page(service, world, "/metrics")).text
        status = (await page(service, world, "/status")).json()

    assert 'penstock_syncs_total{organization="acme",outcome="succeeded"} 1.0' in text
    assert 'penstock_sync_success_ratio{organization="acme"} 0.5' in text
    assert 'penstock_changes_total{kind="switch",organization="acme",state="recorded"} 2.0' in text
    assert 'penstock_change_duration_seconds_count{kind="switch",organization="acme"} 3.0' in text
    assert 'penstock_validations_total{organization="acme",result="failed"} 1.0' in text
    assert f'penstock_validation_error_ratio{{organization="acme"}} {1 / 3}' in text
    assert f'penstock_deployment_success_ratio{{organization="acme"}} {2 / 3}' in text
    assert 'penstock_revision_fault{repository="default"} 0.0' in text
    assert 'penstock_api_call_seconds_bucket{le="0.025",method="GET",route="/api/v2/flows"}' in text
    (entry,) = status["organizations"]
    assert entry["warnings"] == []
    listing = next(call for call in entry["calls"] if call["route"] == "/api/v2/flows")
    assert set(listing) == {"method", "route", "count", "p50_ms", "p95_ms", "max_ms"}
    assert listing["count"] >= 2


async def test_every_command_can_tell_how_long_its_calls_took(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    await world.plan()

    with capture_logs() as events:
        await world.services.disconnect()

    told = {(event["method"], event["route"]): event for event in events if event["event"] == "api.latency"}
    assert told["GET", "/api/v2/flows"]["count"] == 1
    assert {"p50_ms", "p95_ms", "max_ms"} <= set(told["GET", "/api/v2/flows"])


async def test_a_trigger_is_no_time_series_of_its_own(world: World) -> None:
    """A commit's id in a label would make a new series with every commit, for ever."""
    world.flow("front", inbound("Front"))
    revision = world.commit()
    async with running(world.services) as service:
        service.feed.give(open_folder(world.clone, world.settings))
        await service.until(lambda: service.status() == "Synced", "the delivery")
        text = (await page(service, world, "/metrics")).text

    assert revision[:12] not in text


async def test_a_look_that_delivers_nothing_is_not_counted_as_a_delivery(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    metrics, board = Metrics(), Board(world.clock)
    board.follow("voice").fault = "the remote does not answer"
    board.follow("digital")
    metrics.serve(300, board, lambda: True, dict)
    metrics.observe(await world.plan())
    metrics.observe(await world.apply())
    metrics.observe(await world.apply())

    text = generate_latest(metrics.registry).decode()

    assert 'penstock_revision_fault{repository="voice"} 1.0' in text
    assert 'penstock_revision_fault{repository="digital"} 0.0' in text
    for outcome in ("out-of-sync", "delivered", "in-sync"):
        line = f'penstock_passes_total{{organization="acme",outcome="{outcome}",trigger="command"}} 1.0'
        assert line in text


async def test_a_record_under_a_former_name_is_told_by_the_service_too(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    report = await world.plan()
    assert report.plan is not None
    told = replace(report, plan=replace(report.plan, warnings=("artifacts/old/ is the record of this organisation",)))
    board = Board(world.clock)
    board.expect(["acme"], ["acme"])
    board.post(told)
    app = Starlette(routes=service_routes(board, CollectorRegistry(), dict))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        status = (await client.get("/status")).json()

    assert status["organizations"][0]["warnings"] == ["artifacts/old/ is the record of this organisation"]


def test_the_registry_of_a_service_is_its_own() -> None:
    first, second = Metrics(), Metrics()

    assert isinstance(first.registry, CollectorRegistry)
    assert first.registry is not second.registry
