"""A small company to look at: one organisation with real deliveries behind it, and others in every state beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from controller.domain.status import Health, SyncStatus
from controller.reconcile.workspace import Workspace, open_folder
from controller.service.view_building import flow_views, organization_view
from controller.store.running import PlannedChange, RunningFlow
from controller.store.views import FlowView, OrganizationView
from tests.support.sources import inbound, module, workflow
from tests.support.world import ORGANIZATION, Recording, World

HOSTILE = "<script>alert(1)</script><img src=//e.example/x onerror=alert(2)>\"'&{{7*7}}\u202e"
BUSY, CALM, BROKEN = "emea", "apac", "labs"
"""Organisations beside the one that was delivered to: a bake runs; all is well; a person suspended it."""


class Watching(Recording):
    """Keeps the steps of passes, as the controller tells of them."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []

    def began(self, step: str) -> None:
        self.steps.append(step)


@dataclass
class Showroom:
    """What pages are made of."""

    world: World
    read: Workspace
    """The manifests as the feed read them last."""
    steps: tuple[str, ...]
    """The steps that its passes went through."""


async def furnished(folder: Path) -> Showroom:
    """Delivers, fails, is changed by hand, and has changes to deliver."""
    world = World(folder, spec={"sync": {"mode": "manual"}, "safety": {"maxUpdatePercent": 100}})
    watching = Watching()
    _first_content(world)
    world.commit("Describe the phone menu")
    await _deliver(world, watching)
    _flow(world, "greeting", module("Branded Greeting", says="Welcome to Example Bank"), "voice")
    world.commit("Greet with the new name of the bank")
    world.clock.advance(26 * 3600)
    await _deliver(world, watching)
    world.fail_publishes_of("Billing")
    _flow(world, "billing", inbound("Billing", says="Your bill", calls=["Branded Greeting"]), "billing")
    world.commit("Read out the bill")
    world.clock.advance(5 * 3600)
    await _deliver(world, watching)
    world.clock.advance(40 * 60)
    world.by_hand(
        "publish", "inboundcall", "Support", inbound("Support", says="Please hold", calls=["Branded Greeting"])
    )
    _flow(world, "main-ivr", _main("Good day"), "voice", gates=list(_GATES), rollout={"bake": "10m"})
    _flow(world, "survey", workflow("Survey"), "quality")
    world.commit("Greet with the time of day, and ask afterwards")
    await look(world)
    _neighbours(world)
    return Showroom(world, open_folder(world.clone, world.settings), tuple(watching.steps))


async def look(world: World) -> None:
    """Plan once and keep what was found, as the controller does."""
    report = await world.plan()
    status, now = world.status(report), world.clock.now()
    of_pass = {"revision": report.revision, "sync": report.sync_status, "health": report.health, "at": now}
    words = {"message": "3 changes planned", "trigger": "timer", "kept_as": ORGANIZATION, "holder": "penstock-0"}
    view = organization_view(report, status, of_pass | words)
    world.services.store.views.post(view, flow_views(report, status, now))


_GATES: Sequence[object] = ({"errorRate": {"window": "15m", "minimumSamples": 20, "max": "2%"}},)


def _main(says: str) -> str:
    return inbound("Main IVR", says=says, calls=["Branded Greeting", "Opening Hours"], transfers=["Sales", "Support"])


def _flow(world: World, name: str, text: str, team: str, **spec: object) -> None:
    world.flow(name, text, **spec)
    file = world.clone / f"{name}.yaml"
    manifest = yaml.safe_load(file.read_text(encoding="utf-8"))
    manifest["metadata"]["labels"] = {"team": team}
    file.write_text(yaml.safe_dump(manifest), encoding="utf-8")


def _first_content(world: World) -> None:
    _flow(world, "greeting", module("Branded Greeting"), "voice")
    _flow(world, "hours", module("Opening Hours"), "voice")
    _flow(world, "main-ivr", _main("Hello"), "voice")
    for name in ("Sales", "Support", "Billing", "Cards", "Mortgages", "Lost Property"):
        flow = name.lower().replace(" ", "-")
        _flow(world, flow, inbound(name, calls=["Branded Greeting"]), flow.partition("-")[0])
    _flow(world, "night-service", inbound("Night Service", calls=["Opening Hours"]), "voice")


async def _deliver(world: World, watching: Watching) -> None:
    """With the approval of a person."""
    report = await world.plan()
    world.services.store.approvals.give(ORGANIZATION, report.plan_or_raise().digest, by="grace@example.com")
    await world.apply(watching)


def _neighbours(world: World) -> None:
    store, now = world.services.store, world.clock.now()
    store.views.post(view_of(BUSY, now, flows={"Healthy": 211, "Progressing": 2}), flows_of(BUSY, now, 8))
    store.views.post(view_of(CALM, now - timedelta(seconds=48), flows={"Healthy": 94, "Suspended": 3}), ())
    store.views.post(view_of(BROKEN, now - timedelta(minutes=3), flows={"Healthy": 12}), ())
    store.suspensions.suspend(BROKEN, by="ada@example.com", reason="the queue manager is being replaced today")
    store.running.begin(BUSY, "penstock-1", step="deliver", trigger="revision 5f1c2ab09d3e")
    store.running.step(BUSY, "deliver", done=3, total=5)
    store.running.deliver(BUSY, _PLANNED)
    store.running.flows(BUSY, _running(now))


_PLANNED: Sequence[PlannedChange] = (
    PlannedChange("main-ivr", "publish", 1),
    PlannedChange("sales", "republish", 1),
    PlannedChange("cards", "republish", 2, ("main-ivr",)),
    PlannedChange("mortgages", "republish", 2, ("main-ivr", "sales")),
    PlannedChange("lost-property", "publish", 3, ("mortgages",)),
)


def _running(now: datetime) -> list[RunningFlow]:
    gate = {
        "gate": "errorRate", "verdict": "inconclusive", "message": "1 of 214 executions failed; 300 are needed",
        "figures": {"executions": 214, "failed": 1, "rate": 0.00467, "max": 0.02},
    }  # fmt: skip
    since = now - timedelta(minutes=22, seconds=14)
    began = now - timedelta(seconds=9)
    return [
        RunningFlow(
            BUSY, "main-ivr", "publish", "baking", since, now, 4, "13.0", since + timedelta(hours=1), gate=gate
        ),
        RunningFlow(BUSY, "sales", "republish", "publishing", began, now, 4, "8.0", percent=62.0, stage="PUBLISHING"),
        RunningFlow(BUSY, "cards", "republish", "pending", now, now, 4, None, message="after main-ivr"),
    ]


def view_of(name: str, at: datetime, **more: object) -> OrganizationView:
    """An organisation in which all is well, but for what is said."""
    usual: dict[str, object] = {
        "organization": name,
        "kept_as": name,
        "revision": "5f1c2ab09d3e77aa0123456789abcdef01234567",
        "sync": SyncStatus.SYNCED,
        "health": Health.HEALTHY,
        "message": "in sync",
        "trigger": "timer",
        "at": at,
        "looked_fully_at": at - timedelta(minutes=9),
        "holder": "penstock-1",
    }
    return OrganizationView(**usual | more)


def flows_of(name: str, at: datetime, count: int) -> list[FlowView]:
    return [
        FlowView(
            organization=name,
            flow=f"flow-{number:05}",
            type="inboundcall",
            name=f"Flow {number}",
            labels={"team": f"team-{number % 7}"},
            sync=SyncStatus.SYNCED if number % 9 else SyncStatus.OUT_OF_SYNC,
            health=Health.HEALTHY if number % 50 else Health.DEGRADED,
            wanted=f"sha256:{number:064x}",
            recorded=f"{number % 30}.0",
            version=f"{number % 30}.0",
            change="none" if number % 9 else "publish",
            at=at,
        )
        for number in range(count)
    ]
