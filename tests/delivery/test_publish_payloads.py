"""What the version endpoints are told of a publish and of a rollback, in the shapes of their documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.delivery.result import Outcome, SyncContext
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import VERSIONED
from controller.domain.desired import HttpGate, Stage
from controller.domain.desired import Rollout as Stages
from controller.planning.model import Change, ChangeKind
from controller.simulator.flow import RolloutStage, RolloutStatus, SimulatedRollout
from tests.delivery.probe import URL, Probe, probing
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import Site, organization

AT_ONCE = (RolloutStage(100, 0.0),)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path, organization=organization(dialect=VERSIONED, environment="live"))
    three_versions(made)
    yield made
    await made.close()


def rollouts(site: Site) -> list[SimulatedRollout]:
    return site.simulator.flow(DESK.type, DESK.name).rollouts


async def failing(site: Site, version: str) -> None:
    """Deliver a version whose gate fails."""
    await site.restart()
    probing(site, Probe((500, {})))
    site.pin("desk", DESK, version, gates=(HttpGate(URL),))
    assert (await site.deliver()).outcome is Outcome.ROLLED_BACK


async def test_a_publish_names_the_release_and_environment_of_the_manifests(site: Site) -> None:
    site.pin("desk", DESK, "3.0", release_version="2.4.1")
    await site.deliver()
    (made,) = rollouts(site)
    assert {name: made.metadata[name] for name in ("releaseVersion", "environment", "deployedBy")} == {
        "releaseVersion": "2.4.1",
        "environment": "live",
        "deployedBy": "ada",
    }
    assert (made.stages, made.staged) == (AT_ONCE, False)


async def test_a_release_and_an_environment_that_nobody_names_are_the_commit_and_the_organisation(site: Site) -> None:
    site.organization = replace(site.organization, environment=None)
    site.pin("desk", DESK, "3.0")
    await site.deliver()
    (made,) = rollouts(site)
    assert (made.metadata["releaseVersion"], made.metadata["environment"]) == ("abc123", "acme")


async def test_a_rollback_publishes_the_version_before_with_the_payload_of_a_rollback(site: Site) -> None:
    await failing(site, "3.0")
    back = rollouts(site)[-1]
    assert (back.version, back.stages, back.staged) == ("2.0", AT_ONCE, False)
    assert back.dependency_hash == "rollback-bypass-hash"
    assert {name: back.metadata[name] for name in ("releaseVersion", "environment", "deployedBy")} == {
        "releaseVersion": "rollback",
        "environment": "live",
        "deployedBy": "automated-rollback",
    }
    assert "desk failed" in back.metadata["reason"]
    assert back.metadata["timestamp"]


async def test_a_rollback_sends_the_hash_that_the_version_was_recorded_with(site: Site) -> None:
    site.pin("desk", DESK, "2.0")
    await site.deliver()
    known = site.recorded[DESK].dependency_digest
    site.store.close()
    (site.folder / "store.db").unlink()
    await failing(site, "3.0")
    assert rollouts(site)[-1].dependency_hash == known


async def test_a_rollback_that_a_person_asked_for_names_the_person(site: Site) -> None:
    site.pin("desk", DESK, "3.0")
    await site.deliver()
    live = await site.platform.flows.find(DESK)
    assert live is not None
    desired = site.organization.flows[0]
    change = Change("desk", DESK, ChangeKind.SWITCH, live.id, "3.0", "2.0", "grace asked for 2.0", 1, desired=desired)
    context = SyncContext("abc123", "grace", "rollback")
    result = await site.delivery.roll_back_to(site.organization, change, "2.0", site.lease(), context)
    assert result.outcome is Outcome.ROLLED_BACK
    back = rollouts(site)[-1]
    assert (back.version, back.metadata["deployedBy"], back.metadata["releaseVersion"]) == ("2.0", "grace", "rollback")
    assert "grace asked for 2.0" in back.metadata["reason"]


async def test_a_failed_stage_that_had_traffic_is_rolled_back_though_the_old_version_is_live(site: Site) -> None:
    """The organisation says that the version before is live all the while: that says nothing about the split."""
    site.pin("desk", DESK, "3.0", rollout=Stages(stages=(Stage(10, 600), Stage(100, 600))))

    def break_down(event: DeliveryEvent) -> bool:
        if event.name == "rollout.stage" and event.fields["stage"] == "1":
            running = rollouts(site)[0]
            running.outcome, running.ended_at = RolloutStatus.FAILED, site.clock.now()
            flow = site.simulator.flow(DESK.type, DESK.name)
            assert flow.operation is not None
            flow.operation.ended_at = site.clock.now()
        return False

    site.crash_when = break_down
    result = await site.deliver()

    assert result.outcome is Outcome.ROLLED_BACK, result.steps[0].error
    assert [(one.version, str(one.outcome)) for one in rollouts(site)] == [("3.0", "failed"), ("2.0", "completed")]
    assert site.live() == {str(DESK): "2.0"}
