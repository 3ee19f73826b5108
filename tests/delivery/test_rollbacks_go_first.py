"""When the request budget is short, a rollback waits for nothing but its own calls: each of them goes out first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest

from controller.delivery.result import Outcome, SyncResult
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import ErrorRateGate, OnLocked, OnNoData, Rollout, Stage
from controller.domain.platform import Priority, PublishRequest
from controller.domain.ports import Platform
from controller.genesys.auth import OAuthClient, TokenSource
from controller.genesys.budget import RateBudget
from controller.genesys.call import Answer, ApiCall
from controller.genesys.circuit import Circuit
from controller.genesys.connect import ArchitectPlatform, VersionedPlatform, transport_of
from controller.genesys.sender import ApiSender
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport
from controller.simulator.execution import Traffic
from controller.simulator.settings import UnclearPublish
from tests.delivery.scenes import DESK, FRONT, three, three_versions
from tests.delivery.site import SETTINGS, Site, organization
from tests.delivery.test_rolling_back_by_hand import roll_back
from tests.support.sources import inbound

LOGIN = "POST /oauth/token"
PUBLISH = {
    ARCHITECT: "POST /api/v2/flows/actions/publish",
    VERSIONED: "POST /api/v2/flows/{flowId}/versions/{versionId}/publish",
}
SWITCH = "PUT /api/v2/routing/flows/{flowId}"
DEACTIVATE = "POST /api/v2/flows/actions/deactivate"
UNLOCK = "POST /api/v2/flows/actions/unlock"
REGISTER = "POST /api/v2/flows/jobs"
UPLOAD = "PUT (presigned upload)"


@dataclass
class Watched(Site):
    """A site whose calls are noted as they are sent, with their priority, between the delivery's events."""

    timeline: list[str | tuple[str, Priority]] = field(default_factory=list)

    def _connect(self) -> Platform:
        timeline, settings = self.timeline, TransportSettings(retry_base_s=0.001, export_gather_s=0)

        class Noting(ApiSender):
            async def send(self, call: ApiCall, request: httpx.Request, *, sink: BinaryIO | None = None) -> Answer:
                if call.name != LOGIN:
                    timeline.append((call.name, call.priority))
                return await super().send(call, request, sink=sink)

        endpoint = self.organization.endpoint
        sender = Noting(self.clock, settings, transport=self.http)
        tokens = TokenSource(
            sender,
            endpoint.login_url,
            OAuthClient("penstock", "penstock-secret"),
            circuit=Circuit(self.clock, outage_s=300, probe_after_s=30),
            clock=self.clock,
        )
        budget = RateBudget(self.clock, limit=6000, reserve=0.1, concurrency=16)
        transport = Transport(endpoint, sender, tokens, budget, clock=self.clock, settings=settings)
        architect = self.organization.dialect == ARCHITECT
        return ArchitectPlatform(transport) if architect else VersionedPlatform(transport)

    def _hear(self, event: DeliveryEvent) -> None:
        self.timeline.append(event.name)
        super()._hear(event)

    def of_the_rollback(self) -> list[tuple[str, Priority]]:
        """The calls from the moment when the first flow is taken back to when the last one is."""
        begin = self.timeline.index("change.rolling-back")
        end = len(self.timeline) - self.timeline[::-1].index("change.rolled-back")
        return [entry for entry in self.timeline[begin:end] if not isinstance(entry, str)]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def second(site: Watched) -> Watched:
    """`desk` was delivered twice: 2.0 is live."""
    for says in ("First", "Second"):
        site.want("desk", inbound("Desk", says=says))
        await site.deliver()
    return site


@pytest.fixture
async def versioned(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path, organization=organization(dialect=VERSIONED))
    three_versions(made)
    yield made
    await made.close()


def assert_first(site: Watched, result: SyncResult, *writes: str) -> None:
    """The rollback took place, with these writes, and all of its calls went first."""
    assert result.outcome is Outcome.ROLLED_BACK, [step.error for step in result.steps]
    calls = site.of_the_rollback()
    names = [name for name, _ in calls]
    assert [name for name in names if name in {*PUBLISH.values(), SWITCH, DEACTIVATE, UNLOCK, UPLOAD}] == list(writes)
    assert [call for call in calls if call[1] is not Priority.ROLLBACK] == []


async def test_publishing_the_old_version_again(second: Watched) -> None:
    assert_first(second, await roll_back(second), PUBLISH[ARCHITECT])


@pytest.mark.parametrize("behaviour", [UnclearPublish.SILENTLY_NOTHING, UnclearPublish.ERROR])
async def test_exporting_the_old_version_and_uploading_it(second: Watched, behaviour: UnclearPublish) -> None:
    second.simulator.configure(replace(SETTINGS, older_version=behaviour))
    result = await roll_back(second)
    assert_first(second, result, PUBLISH[ARCHITECT], UPLOAD)
    names = [name for name, _ in second.of_the_rollback()]
    assert {REGISTER, "GET /api/v2/flows/jobs/{jobId}", "POST /api/v2/flows/export/jobs"} <= set(names)
    assert "GET (presigned download)" in names


async def test_an_upload_whose_answer_is_lost(second: Watched) -> None:
    second.simulator.configure(replace(SETTINGS, older_version=UnclearPublish.ERROR))
    second.fault("reset", point="after", times=1, match={"route": "/_storage/uploads/{jobId}"})
    assert_first(second, await roll_back(second), PUBLISH[ARCHITECT], UPLOAD)


async def test_a_publish_whose_answer_is_lost(second: Watched) -> None:
    second.fault("reset", point="after", times=1, match={"route": PUBLISH[ARCHITECT].partition(" ")[2]})
    assert_first(second, await roll_back(second), PUBLISH[ARCHITECT])


async def test_breaking_a_lock_and_keeping_what_was_saved(second: Watched) -> None:
    second.organization = replace(second.organization, on_locked=OnLocked.UNLOCK)
    second.by_hand("draft", DESK, inbound("Desk", says="Half an idea"))
    result = await roll_back(second)
    assert_first(second, result, UNLOCK, PUBLISH[ARCHITECT])
    assert "GET /api/v2/flows/{flowId}/versions" in [name for name, _ in second.of_the_rollback()]


async def test_a_lock_that_is_met_at_the_write(second: Watched) -> None:
    """Nobody held the flow when it was read; the 409 tells, and the flow is read for the holder's name."""
    second.organization = replace(second.organization, on_locked=OnLocked.UNLOCK)

    def lock(event: DeliveryEvent) -> bool:
        if event.name == "write.intended" and event.fields.get("action") == "rollback.publish":
            second.crash_when = lambda _: False
            second.by_hand("lock", DESK)
        return False

    second.crash_when = lock
    assert_first(second, await roll_back(second), PUBLISH[ARCHITECT], UNLOCK, PUBLISH[ARCHITECT])


@pytest.mark.parametrize("lost", [False, True])
async def test_unpublishing_new_flows(site: Watched, lost: bool) -> None:
    three(site)
    site.fault("job-fails", match={"flow": "Front"})
    if lost:
        site.fault("reset", point="after", times=1, match={"route": DEACTIVATE.partition(" ")[2]})
    assert_first(site, await site.deliver(), DEACTIVATE, DEACTIVATE)


async def test_binding_callers_again_to_a_module_that_came_back(site: Watched) -> None:
    three(site)
    await site.deliver()
    three(site, says="New")
    site.fault("job-fails", match={"flow": "Front"})
    assert_first(site, await site.deliver(), *[PUBLISH[ARCHITECT]] * 3)


async def test_the_atomic_switch(versioned: Watched) -> None:
    versioned.by_hand("publish", DESK, version="3.0")
    versioned.fault("wrong-version", version="2.0", times=1)
    versioned.pin("desk", DESK, "1.0")
    assert_first(versioned, await versioned.deliver(), SWITCH)


async def test_a_publish_that_shows_nothing_and_the_switch_after_it(versioned: Watched) -> None:
    versioned.pin("desk", DESK, "2.0")
    versioned.fault("publish-silent-noop", times=1, match={"method": "POST"})
    assert_first(versioned, await roll_back(versioned), PUBLISH[VERSIONED], SWITCH)


async def test_ending_a_staged_rollout(versioned: Watched) -> None:
    flow = versioned.simulator.flow(DESK.type, DESK.name)
    versioned.simulator.organization.state.traffic.append(Traffic(flow.id, versioned.clock.now(), 6, 0.9, "3.0"))
    gate = ErrorRateGate(window_s=900, minimum_samples=3, max_rate=0.05, on_no_data=OnNoData.PASS)
    stages = Rollout(stages=(Stage(10, 600), Stage(100, 600)))
    versioned.pin("desk", DESK, "3.0", rollout=stages, gates=(gate,))
    assert_first(versioned, await versioned.deliver(), PUBLISH[VERSIONED])


async def test_an_upload_of_the_old_version_overtakes_a_long_queue_of_publishes(second: Watched) -> None:
    second.simulator.configure(replace(SETTINGS, older_version=UnclearPublish.ERROR))
    await assert_overtaking(second)


async def test_a_switch_back_overtakes_a_long_queue_of_publishes(versioned: Watched) -> None:
    versioned.pin("desk", DESK, "2.0")
    versioned.fault("publish-silent-noop", times=1, match={"method": "POST"})
    await assert_overtaking(versioned)


async def assert_overtaking(site: Watched) -> None:
    """Ten requests a minute, and ninety publishes wait: the rollback ends while most of them still do."""
    other, queue, ended = another_flow(site), [], []

    def crowd(event: DeliveryEvent) -> bool:
        if event.name == "change.rolling-back":
            transport_of(site.platform).budget = RateBudget(site.clock, limit=10, reserve=0.1, concurrency=16)
            publish = site.platform.publishing.publish
            queue.extend(asyncio.create_task(publish(PublishRequest(other, "1.0"))) for _ in range(90))
            ended.append(site.clock.elapsed_s)
        if event.name == "change.rolled-back":
            ended.extend((site.clock.elapsed_s, sum(not task.done() for task in queue)))
        return False

    site.crash_when = crowd
    result = await roll_back(site)

    for task in queue:
        task.cancel()
    await asyncio.gather(*queue, return_exceptions=True)
    assert result.outcome is Outcome.ROLLED_BACK, result.steps[0].error
    began_s, ended_s, waiting = ended
    assert ended_s - began_s < 7 * 60
    assert waiting > 45


def another_flow(site: Site) -> str:
    """The id of a flow that nobody manages."""
    folder = site.folder / "more"
    folder.mkdir()
    (folder / "front.yaml").write_text(inbound("Front"))
    site.simulator.load_folder(folder)
    return site.simulator.flow(FRONT.type, FRONT.name).id
