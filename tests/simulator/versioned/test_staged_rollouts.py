"""Publishing: queued, prepared, live; in stages at exact times; cancelled by going back; one at a time."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.desired import Stage
from controller.domain.errors.change import FlowLocked
from controller.domain.platform import ProgressState, PublishRequest
from controller.genesys.connect import VersionedPlatform
from controller.simulator.simulator import Simulator
from tests.simulator.steps import publish as publish_on_architect
from tests.simulator.versioned.deeds import (
    PREPARED_S,
    QUEUED_S,
    STAGES,
    by_hand,
    entity,
    new_version,
    order,
    publish,
    standing,
    statuses,
    traffic,
)
from tests.support.clock import SteppedClock


async def test_a_publish_is_queued_then_published_then_completed(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    accepted = await publish(api, line, "2.0")
    body = accepted.json()
    assert accepted.status_code == 202
    assert (body["status"], body["flowId"], body["versionId"]) == ("queued", line, "2.0")
    assert (await standing(api, line, "2.0"))["status"] == "queued"
    clock.advance(QUEUED_S)
    running = await standing(api, line, "2.0")
    assert (running["status"], running["progressPercent"], running["currentStage"]) == ("publishing", 20, None)
    assert running["estimatedTimeRemainingSeconds"] == 2
    clock.advance(PREPARED_S - QUEUED_S)
    done = await standing(api, line, "2.0")
    assert (done["status"], done["progressPercent"], done["publishId"]) == ("completed", 100, body["publishId"])
    assert (done["errors"], done["estimatedTimeRemainingSeconds"]) == ([], 0)
    assert await statuses(api, line) == {"2.0": "deployed", "1.0": "published"}


async def test_a_staged_rollout_keeps_exactly_to_its_minutes(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    await publish(api, line, "2.0", *STAGES)
    seen = []
    for seconds in (PREPARED_S, 15 * 60 - 1, 1, 30 * 60 - 1, 1):
        clock.advance(seconds)
        told = await standing(api, line, "2.0")
        live = (await entity(api, line))["version"]
        seen.append((told["status"], told["currentStage"], told["trafficPercent"], live))
    assert seen == [
        ("publishing", 1, 10, "1.0"),
        ("publishing", 1, 10, "1.0"),
        ("publishing", 2, 50, "1.0"),
        ("publishing", 2, 50, "1.0"),
        ("completed", 3, 100, "2.0"),
    ]
    assert clock.elapsed_s == PREPARED_S + 45 * 60


async def test_the_last_stage_can_last_with_the_version_live(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    await publish(api, line, "2.0", (50, 1), (100, 5))
    clock.advance(PREPARED_S + 60)
    told = await standing(api, line, "2.0")
    assert (told["status"], told["trafficPercent"], told["estimatedTimeRemainingSeconds"]) == ("publishing", 100, 300)
    assert (await entity(api, line))["version"] == "2.0"
    clock.advance(300)
    assert (await standing(api, line, "2.0"))["status"] == "completed"


async def test_a_version_that_is_coming_counts_as_published(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    await publish(api, line, "2.0", *STAGES)
    assert await statuses(api, line) == {"2.0": "draft", "1.0": "deployed"}
    clock.advance(PREPARED_S)
    assert await statuses(api, line) == {"2.0": "published", "1.0": "deployed"}


async def test_publishing_what_was_live_cancels_a_staged_rollout(
    api: httpx.AsyncClient, line: str, clock: SteppedClock, simulator: Simulator
) -> None:
    await publish(api, line, "2.0", *STAGES)
    clock.advance(PREPARED_S + 60)
    back = await publish(api, line, "1.0")
    assert back.status_code == 202
    cancelled = await standing(api, line, "2.0")
    assert (cancelled["status"], cancelled["trafficPercent"]) == ("cancelled", 0)
    assert cancelled["errors"][0]["code"] == "flow.publish.cancelled"
    clock.advance(PREPARED_S)
    assert (await standing(api, line, "1.0"))["status"] == "completed"
    clock.advance(3600)
    assert await statuses(api, line) == {"2.0": "draft", "1.0": "deployed"}
    assert [event.version for event in simulator.flow("inboundcall", "Line").history if event.action == "PUBLISH"] == [
        "1.0",
        "1.0",
    ]


async def test_going_back_in_the_last_stage_makes_the_old_version_live_again(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    await publish(api, line, "2.0", (50, 1), (100, 60))
    clock.advance(PREPARED_S + 120)
    assert (await entity(api, line))["version"] == "2.0"
    assert (await publish(api, line, "1.0")).status_code == 202
    clock.advance(PREPARED_S)
    assert (await entity(api, line))["version"] == "1.0"


async def test_any_other_publish_meanwhile_gets_409(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    await new_version(api, line)
    await publish(api, line, "2.0", *STAGES)
    for refused in (
        await publish(api, line, "3.0"),
        await publish(api, line, "2.0"),
        await publish(api, line, "1.0", *STAGES),
    ):
        assert (refused.status_code, refused.json()["entityName"]) == (409, "Line")
    clock.advance(PREPARED_S + 3600)
    await publish(api, line, "3.0")
    assert (await publish(api, line, "2.0")).status_code == 409
    assert (await publish_on_architect(api, line, "1.0")).status_code == 409


async def test_a_publish_of_the_other_dialect_is_a_deployment_too(api: httpx.AsyncClient, line: str) -> None:
    assert (await publish_on_architect(api, line, "2.0")).status_code == 200
    assert (await publish(api, line, "2.0")).status_code == 409


async def test_a_publish_by_hand_ends_a_rollout(api: httpx.AsyncClient, line: str, clock: SteppedClock) -> None:
    await new_version(api, line)
    await publish(api, line, "2.0", *STAGES)
    clock.advance(PREPARED_S)
    await by_hand(api, line, "publish", version="3.0")
    clock.advance(3600)
    assert (await standing(api, line, "2.0"))["status"] == "cancelled"
    assert (await entity(api, line))["version"] == "3.0"


async def test_a_lock_refuses_and_names_its_holder(api: httpx.AsyncClient, line: str) -> None:
    await by_hand(api, line, "lock")
    refused = await publish(api, line, "2.0")
    assert refused.status_code == 409
    assert "locked by user 'Ada Lovelace'" in refused.json()["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"publishType": "express"},
        {"publishType": None},
        {"metadata": "abc"},
        {"metadata": {"releaseVersion": 7}},
        {"dependencyValidationHash": "md5:abc"},
        {"dependencyValidationHash": "sha256:ABC"},
        {"rolloutConfig": {"staged": True, "stages": []}},
        {"rolloutConfig": {"staged": False, "stages": [{"percentage": 100, "durationMinutes": 1}]}},
        {"rolloutConfig": {"staged": "yes"}},
        order((50, 1), (10, 1), (100, 0)),
        order((10, 1), (10, 1), (100, 0)),
        order((10, 1), (50, 1)),
        order((0, 1), (100, 0)),
        order((10, -1), (100, 0)),
        order((10, 1), (101, 0)),
    ],
)
async def test_a_body_that_does_not_fit_gets_400(
    api: httpx.AsyncClient, line: str, change: dict[str, object], clock: SteppedClock
) -> None:
    refused = await publish(api, line, "2.0", **change)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad.request")
    clock.advance(60)
    assert await statuses(api, line) == {"2.0": "draft", "1.0": "deployed"}


async def test_an_archived_version_is_not_published(api: httpx.AsyncClient, line: str) -> None:
    await by_hand(api, line, "archive", version="2.0")
    assert (await publish(api, line, "2.0")).status_code == 400


async def test_a_version_with_errors_fails_before_its_first_stage(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    call = {"type": "callCommonModule", "name": "Call", "flow": {"name": "Nowhere", "type": "commonmodule"}}
    await new_version(api, line, call=call)
    await publish(api, line, "3.0", *STAGES)
    clock.advance(PREPARED_S)
    told = await standing(api, line, "3.0")
    assert (told["status"], told["currentStage"]) == ("failed", None)
    assert [error["code"] for error in told["errors"]] == ["flow.reference.missing"]
    assert (await entity(api, line))["version"] == "1.0"


async def test_everything_goes_faster_under_a_time_scale(
    api: httpx.AsyncClient, line: str, clock: SteppedClock
) -> None:
    await api.patch("/_simulator/settings", json={"time_scale": 60})
    await publish(api, line, "2.0", *STAGES)
    clock.advance(45.1)
    assert (await standing(api, line, "2.0"))["status"] == "completed"


async def test_a_share_of_the_executions_runs_on_the_version_that_is_coming(
    api: httpx.AsyncClient, line: str, clock: SteppedClock, platform: VersionedPlatform
) -> None:
    await traffic(api, line, per_minute=20, error_rate=0.5, version="2.0")
    await traffic(api, line, per_minute=20, version="1.0")
    await publish(api, line, "2.0", *STAGES)
    clock.advance(PREPARED_S)
    shares, new = [], []
    for minutes in (15, 30, 15):
        since = clock.now()
        clock.advance(minutes * 60)
        found = [one async for one in platform.executions.of_version(line, "2.0", since=since, until=clock.now())]
        old = [one async for one in platform.executions.of_version(line, "1.0", since=since, until=clock.now())]
        shares.append(round(100 * len(found) / (len(found) + len(old))))
        new += found
        assert not any(execution.failed for execution in old)
    assert shares == [pytest.approx(10, abs=4), pytest.approx(50, abs=4), 100]
    assert sum(execution.failed for execution in new) / len(new) == pytest.approx(0.5, abs=0.05)


async def test_the_client_follows_a_staged_rollout(platform: VersionedPlatform, line: str, clock: SteppedClock) -> None:
    stages = tuple(Stage(percentage, minutes * 60) for percentage, minutes in STAGES)
    ticket = await platform.publishing.publish(PublishRequest(line, "2.0", f"sha256:{'a' * 64}", stages=stages))
    with pytest.raises(FlowLocked):
        await platform.publishing.publish(PublishRequest(line, "2.0"))
    progress = await platform.publishing.progress(ticket)
    assert (progress.state, progress.eta_s) == (ProgressState.QUEUED, 2703)
    clock.advance(PREPARED_S + 15 * 60)
    progress = await platform.publishing.progress(ticket)
    assert (progress.state, progress.stage, progress.eta_s) == (ProgressState.RUNNING, "2", 1800)
    flow = await platform.flows.get(line)
    assert flow is not None
    assert flow.published_version == "1.0"
    clock.advance(30 * 60)
    assert (await platform.publishing.progress(ticket)).state is ProgressState.SUCCEEDED
    flow = await platform.flows.get(line)
    assert flow is not None
    assert flow.published_version == "2.0"
