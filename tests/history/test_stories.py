"""What was live when, from whole stories: deliveries, out-of-band publishes, rollbacks, lost records, a lost store."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from controller.domain.capabilities import ARCHITECT
from controller.questions.history import LiveAt, Period, live_at
from controller.questions.history_reading import FlowHistory, HistoryChoice, OrganizationHistory, organization_history
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.workspace import Workspace, open_folder
from tests.support.dialects import BOTH
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, RECORDS, SECRET, World

HOUR_S = 3600.0


async def history(world: World, flow: str | None = None, *, offline: bool = False) -> OrganizationHistory:
    workspace = open_folder(world.clone, world.settings)
    choice = HistoryChoice(flow, offline=offline)
    return await organization_history(
        world.services, workspace.repository, workspace.organization(ORGANIZATION), choice
    )


async def front(world: World, *, offline: bool = False) -> FlowHistory:
    (found,) = (await history(world, "front", offline=offline)).flows
    return found


def told(periods: tuple[Period, ...]) -> list[tuple[str | None, str]]:
    """The versions with their results; what the journal knows of the time before the flow existed is left out."""
    known = periods[1:] if periods[0].version is None else periods
    return [(period.version, period.origin.result.value) for period in known]


async def deliver(world: World, says: str) -> datetime:
    """Deliver another content, and let an hour go by; returns a moment in that hour."""
    world.flow("front", inbound("Front", says=says))
    world.commit()
    assert (await world.apply()).delivered
    return await later(world)


async def later(world: World) -> datetime:
    await world.clock.sleep(HOUR_S / 2)
    moment = world.clock.now()
    await world.clock.sleep(HOUR_S / 2)
    return moment


def by_hand(world: World, says: str, person: str = "Grace Hopper") -> None:
    world.by_hand("publish", "inboundcall", "Front", inbound("Front", says=says), person)


def version_at(found: FlowHistory, at: datetime) -> str | None:
    answer = live_at(found.periods, at)
    assert answer.certain, answer
    (version,) = answer.versions
    return version


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)


@BOTH
async def test_a_hand_made_version_between_two_deliveries_has_its_person_and_its_times(world: World) -> None:
    before = world.clock.now() - timedelta(seconds=1)
    first = await deliver(world, "First")
    by_hand(world, "By hand")
    second = await later(world)
    third = await deliver(world, "Third")

    found = await front(world)

    assert told(found.periods) == [("1.0", "delivered"), ("2.0", "hand-made"), ("3.0", "delivered")]
    assert [version_at(found, at) for at in (first, second, third)] == ["1.0", "2.0", "3.0"]
    assert found.periods[-2].origin.by == "Grace Hopper"
    assert found.periods[-1].origin.by_role == "commit author"
    assert found.periods[-1].origin.revision == world.git("rev-parse", "HEAD")
    assert live_at(found.periods, before).known_from == found.periods[0].seen_from


@BOTH
async def test_a_rollback_is_told_and_without_the_store_git_and_the_organisation_tell_the_same(world: World) -> None:
    """A rollback says what was taken back, what came back and why."""
    moments = [await deliver(world, "First"), await deliver(world, "Second")]
    await world.rollback("front")
    moments.append(await later(world))
    known = (await front(world)).periods
    assert told(known) == [("1.0", "delivered"), ("2.0", "rolled-back"), ("1.0", "restored")]
    assert (known[-1].origin.by, known[-1].origin.cause) == ("ada", "on-request")
    by_hand(world, "By hand")
    moments.append(await later(world))
    await lose_the_store(world)

    found = await history(world, "front")

    (flow,) = found.flows
    results = [
        ("1.0", "delivered"),
        ("2.0", "rolled-back" if world.dialect == ARCHITECT else "delivered"),
        ("1.0", "restored"),
        ("3.0", "hand-made"),
    ]
    assert [version_at(flow, at) for at in moments] == ["1.0", "2.0", "1.0", "3.0"]
    assert [each[0] for each in told(flow.periods)] == [each[0] for each in results]
    assert told(flow.periods)[1][1] == "rolled-back"
    assert told(flow.periods)[2:] == results[2:]
    assert any("this store has no deliveries" in note for note in found.notes)


@BOTH
async def test_what_a_rewritten_records_branch_lost_is_told_by_the_journal(world: World) -> None:
    first = await deliver(world, "First")
    begin = world.git("rev-parse", f"origin/{RECORDS}")
    second, third = await deliver(world, "Second"), await deliver(world, "Third")
    world.git("push", "--quiet", "--force", "origin", f"{begin}:refs/heads/{RECORDS}")

    found = await history(world, "front")

    (flow,) = found.flows
    assert told(flow.periods) == [("1.0", "delivered"), ("2.0", "delivered"), ("3.0", "delivered")]
    assert [version_at(flow, at) for at in (first, second, third)] == ["1.0", "2.0", "3.0"]
    assert [each.origin.sync for each in flow.periods[-2:]] == [2, 3]
    assert any("the records branch was rewritten" in note for note in found.notes)
    await lose_the_store(world)
    (alone,) = (await history(world, "front")).flows
    assert [version_at(alone, at) for at in (first, second, third)] == ["1.0", "2.0", "3.0"]


@BOTH
async def test_the_id_joins_the_names_of_a_renamed_flow(world: World) -> None:
    first = await deliver(world, "First")
    flow = world.simulator.flow("inboundcall", "Front")
    world.simulator.organization.rename(flow, "Welcome")
    world.flow("front", inbound("Welcome", says="Second"))
    world.commit()
    assert (await world.apply()).delivered
    second = await later(world)

    by_new, by_old = await history(world, "front"), await history(world, "inboundcall/Front")

    (found,) = by_new.flows
    assert by_old.flows[0].id == found.id == flow.id
    assert (str(found.key), found.former_names) == ("inboundcall/Welcome", ("inboundcall/Front",))
    assert [version_at(found, at) for at in (first, second)] == ["1.0", "2.0"]


async def test_an_organisation_that_was_renamed_keeps_its_past(world: World) -> None:
    moments = [await deliver(world, "First"), await deliver(world, "Second")]
    manifest = world.clone / "organization.yaml"
    manifest.write_text(manifest.read_text().replace(f"name: {ORGANIZATION}", "name: renamed"))
    world.flow("front", inbound("Front", says="Third"))
    world.commit()

    async def source() -> Workspace:
        return open_folder(world.clone, world.settings)

    assert (await run_pass(PassRequest("renamed", Mode.APPLY), world.services, source)).delivered
    moments.append(await later(world))

    await assert_past_of_renamed(world, moments, offline=True)
    await assert_past_of_renamed(world, moments)
    await lose_the_store(world)
    await assert_past_of_renamed(world, moments)


async def assert_past_of_renamed(world: World, moments: list[datetime], *, offline: bool = False) -> None:
    workspace = open_folder(world.clone, world.settings)
    found = await organization_history(
        world.services, workspace.repository, workspace.organization("renamed"), HistoryChoice("front", offline=offline)
    )

    (flow,) = found.flows
    at = [live_at(flow.periods, moment).versions for moment in moments]
    assert at == [("1.0",), ("2.0",), ("3.0",)]
    assert [period.origin.record is not None for period in flow.periods if period.version] == [True] * 3
    assert "the same organisation has records under 'acme', too: they and its deliveries count" in found.notes


async def test_offline_says_what_it_cannot_know(world: World) -> None:
    first = await deliver(world, "First")
    by_hand(world, "By hand")
    second = await later(world)
    world.simulator.calls.clear()

    found = await history(world, "front", offline=True)

    (flow,) = found.flows
    assert world.simulator.calls.log() == []
    assert live_at(flow.periods, second) == LiveAt(("1.0",), known_until=flow.periods[-1].seen_until)
    assert not live_at(flow.periods, first).certain
    assert any("the organisation was not asked" in note for note in found.notes)


async def test_one_flow_costs_the_pages_of_its_own_versions(world: World) -> None:
    world.flow("aside", inbound("Aside"))
    await deliver(world, "First")
    await world.services.disconnect()
    world.simulator.calls.clear()

    await front(world)

    routes = [call.route for call in world.simulator.calls.log() if call.method == "GET"]
    assert routes == ["/api/v2/flows/{flowId}/versions"]


async def test_a_flow_that_was_unpublished_and_deleted_has_an_end(world: World) -> None:
    first = await deliver(world, "First")
    world.by_hand("unpublish", "inboundcall", "Front")
    gone = await later(world)

    found = await front(world)

    assert told(found.periods)[-2:] == [("1.0", "delivered"), (None, "nothing")]
    assert (version_at(found, first), version_at(found, gone)) == ("1.0", None)


@BOTH
async def test_what_was_live_before_the_first_delivery_is_adopted_from_its_publisher(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    world.publish_all_by_hand()
    before = await later(world)
    await world.apply()

    found = await front(world)

    assert told(found.periods) == [("1.0", "adopted")]
    assert found.periods[0].origin.by is not None
    assert version_at(found, before) == "1.0"


async def test_records_say_how_each_change_ended_and_who_approved_it(world: World) -> None:
    world.describe(sync={"mode": "manual"})
    world.flow("front", inbound("Front"))
    world.commit()
    plan = (await world.plan()).plan_or_raise()
    world.services.store.approvals.give(ORGANIZATION, plan.digest, by="Grace Hopper")
    await world.apply()

    message = world.git("log", "-1", "--format=%B", f"origin/{RECORDS}")
    await lose_the_store(world)
    found = await front(world)

    assert "Penstock-Outcome: delivered\nPenstock-Approved-By: Grace Hopper\n" in message
    assert found.periods[-1].origin.approved_by == "Grace Hopper"


async def lose_the_store(world: World) -> None:
    """A new, empty store in place of the old one."""
    await world.services.disconnect()
    world.services.store.close()
    for file in world.folder.glob("store.db*"):
        file.unlink()
    await world.restart()
