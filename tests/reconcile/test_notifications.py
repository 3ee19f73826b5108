"""After a pass, the receivers that rules name are told what happened: once, and by whatever process comes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.notification import NotificationEvent, NotificationRule, NotificationSeverity
from controller.notify.document import NotificationDocument
from controller.notify.outbox import OutgoingMessage
from controller.notify.target import Reply, Send
from controller.questions.decisions import accept_paused
from controller.reconcile.notifications import Notifications
from controller.reconcile.notifying import notify
from controller.reconcile.pass_ import SERVICE
from controller.reconcile.report import PassReport
from controller.simulator.execution import Traffic
from tests.support.played_once import played_once
from tests.support.sources import inbound, module
from tests.support.world import ORGANIZATION, Crash, Recording, World, said

GATE = {"errorRate": {"window": "10m", "minimumSamples": 5, "max": "10%", "onNoData": "wait"}}


class Receiver:
    """A target that takes everything."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        async def send(message: OutgoingMessage) -> Reply:
            self.payloads.append(dict(message.payload))
            return Reply(taken=True)

        yield send

    def new(self) -> list[NotificationDocument]:
        """What came since the last time."""
        found = [NotificationDocument.read(payload["data"]) for payload in self.payloads]
        self.payloads.clear()
        return found


class Told:
    """The world with a receiver, and rules for it."""

    def __init__(self, world: World, *rules: NotificationRule, receivers: Iterable[str] = ("voice",)) -> None:
        self.world = world
        self.receivers = {name: Receiver() for name in receivers}
        self.rules = rules or (NotificationRule("voice"),)
        self.configure()

    def configure(self, **more: Any) -> None:
        self.world.services.notifications = Notifications(targets=self.receivers, rules=self.rules, **more)

    async def after(self, report: PassReport) -> list[NotificationDocument]:
        """What the receiver is told after a pass."""
        await notify(report, self.world.workspace(), self.world.services)
        await self.world.services.announcements.flush()
        return self.receivers["voice"].new()

    async def deliver(self, **request: Any) -> list[NotificationDocument]:
        """The same after the controller's own pass."""
        return await self.after(await self.world.apply(actor=SERVICE, watches=True, **request))

    async def restart(self) -> None:
        await self.world.restart()
        self.configure()


def brief(messages: list[NotificationDocument]) -> list[str]:
    return [f"{each.event.value}: {' '.join(flow.flow for flow in each.flows) or '-'}" for each in messages]


@played_once
async def all_is_well(world: World) -> None:
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.flow("hours", module("Hours"))
    world.commit()
    assert await Told(world).deliver() == []


@pytest.fixture
async def told(world: World) -> Told:
    """`front` calls `hours`; both are delivered, and nobody was told anything, because all is well."""
    await all_is_well(world)
    return Told(world)


def change(told: Told, says: str = "Second") -> str:
    told.world.flow("hours", module("Hours", says=says))
    return told.world.commit()


# Deliveries.


async def test_a_rollback_is_told_with_flows_versions_commit_reason_and_next_step_and_not_again(told: Told) -> None:
    sha = change(told)
    told.world.fail_publishes_of("Front")

    (message,) = await told.deliver()

    assert (message.event, message.severity) == (NotificationEvent.ROLLED_BACK, NotificationSeverity.ERROR)
    assert message.title == "acme: 2 flows were rolled back"
    front, hours = message.flows
    assert (front.flow, front.type, front.name, front.outcome) == ("front", "inboundcall", "Front", "publish-failed")
    assert (hours.flow, hours.from_version, hours.to_version) == ("hours", "1.0", None)
    assert "publish-failed" in front.why
    assert (message.revision, message.sync_id) == (sha, 2)
    assert message.author
    assert "penstock retry FLOW --organization acme" in message.next_step
    assert message.url is None

    # What was told is not told again until it is over.
    assert await told.deliver() == [], "the quarantined content is no news"
    await told.restart()
    assert await told.deliver() == []
    told.world.simulator.faults.clear()
    change(told, "Third")
    (message,) = await told.deliver()
    assert brief([message]) == ["recovered: front hours"]
    assert message.severity is NotificationSeverity.ERROR, "as grave as what it ends"
    assert await told.deliver() == []


async def test_a_process_that_dies_after_the_rollback_does_not_keep_it_from_being_told(told: Told) -> None:
    change(told)
    told.world.fail_publishes_of("Front")
    await told.world.apply(actor=SERVICE, watches=True)  # and it dies before anybody is told
    await told.restart()

    assert brief(await told.deliver()) == ["rolled-back: front hours"]
    await told.restart()
    assert await told.deliver() == []


@pytest.mark.parametrize("moment", ["change.publishing", "change.rolling-back", "change.rolled-back", "sync.finished"])
async def test_a_process_that_dies_at_any_moment_leaves_one_message(told: Told, moment: str) -> None:
    change(told)
    told.world.fail_publishes_of("Front")
    died: list[str] = []

    def dies(event: DeliveryEvent) -> bool:
        if event.name == moment and not died:
            died.append(moment)
            return True
        return False

    with pytest.raises(Crash):
        await told.world.apply(Recording(dies), actor=SERVICE, watches=True)
    await told.restart()
    told.world.clock.advance(120)  # the lease of the dead

    messages = [each for _ in range(3) for each in await told.deliver()]

    assert brief(messages) == ["rolled-back: front hours"]


async def test_a_failure_that_is_left_live_has_not_recovered(told: Told) -> None:
    told.world.describe(sync={"onFailure": "halt"})
    told.world.flow("front", inbound("Front", calls=["Hours"], says="New"))
    told.world.commit()
    told.world.fail_publishes_of("Front")

    (message,) = await told.deliver()
    assert brief([message]) == ["failed: front"]
    assert "penstock rollback front --organization acme" in message.next_step
    assert await told.deliver() == []


async def test_a_rollback_that_a_person_asked_for_is_mild(told: Told) -> None:
    change(told)
    await told.deliver()

    report = await told.world.rollback("hours")
    (message,) = await told.after(report)

    assert (message.event, message.severity) == (NotificationEvent.ROLLED_BACK, NotificationSeverity.INFO)
    assert "hours" in {flow.flow for flow in message.flows}
    assert message.actor == "ada"


@played_once
async def paused(world: World) -> None:
    """A gate cannot decide, which is told."""
    await all_is_well(world)
    told = Told(world)
    world.flow("desk", inbound("Desk"))
    world.commit()
    await told.deliver()
    world.flow("desk", inbound("Desk", says="New"), gates=[GATE])
    world.commit()

    (message,) = await told.deliver()
    assert brief([message]) == ["paused: desk"]
    assert (message.flows[0].from_version, message.flows[0].to_version) == ("1.0", "2.0")
    assert "penstock accept desk --organization acme" in message.next_step


async def test_a_gate_that_cannot_decide_and_a_person_who_does(world: World) -> None:
    await paused(world)
    told = Told(world)
    world.clock.advance(300)
    assert await told.deliver() == []
    acme = world.workspace().organization(ORGANIZATION)
    accept_paused(world.services, acme, "desk", by="ada")
    assert brief(await told.deliver()) == ["recovered: desk"]


async def test_a_gate_that_fails_in_the_end(world: World) -> None:
    await paused(world)
    told = Told(world)
    flow = world.simulator.flow("inboundcall", "Desk")
    world.simulator.organization.state.execution_data.enabled = True
    world.simulator.organization.state.traffic.append(Traffic(flow.id, world.clock.now(), 10, 0.9))
    world.clock.advance(600)

    messages = [each for _ in range(3) for each in await told.deliver()]

    assert brief(messages) == ["rolled-back: desk"]
    assert messages[0].flows[0].outcome == "gate-failed"


# Blocks, approvals, errors.


async def test_blocked_flows_are_told_together_and_their_end_too(told: Told) -> None:
    for name in ("Front", "Desk"):
        told.world.flow(name.lower(), inbound(name))
    told.world.commit()
    await told.deliver()
    for name in ("Front", "Desk"):
        told.world.by_hand("lock", "inboundcall", name)
        told.world.flow(name.lower(), inbound(name, says="New"))
    told.world.commit()

    (message,) = await told.deliver()
    assert brief([message]) == ["blocked: desk front"]
    assert all("Ada" in flow.why for flow in message.flows)
    assert await told.deliver() == []
    for name in ("Front", "Desk"):
        told.world.by_hand("unlock", "inboundcall", name)
    assert brief(await told.deliver()) == ["recovered: desk front"]


async def test_a_plan_that_waits_for_a_person_is_told_with_the_command(told: Told) -> None:
    told.world.describe(sync={"mode": "manual"})
    change(told)

    report = await told.world.plan(actor=SERVICE, watches=True)
    (message,) = await told.after(report)

    assert message.event is NotificationEvent.APPROVAL_WANTED
    assert report.plan is not None
    assert message.plan_digest == report.plan.digest
    assert f"penstock approve {report.plan.digest}" in message.next_step
    approved = await told.world.apply(actor="ada", confirmations=said(approved_digest=report.plan.digest))
    assert await told.after(approved) == [], "what a person decided is no news"


async def test_an_outage_is_told_once_it_lasts_and_when_it_is_over(told: Told) -> None:
    told.world.fault("http-5xx")
    seen = []
    for _ in range(4):
        seen.append(brief(await told.deliver()))
        told.world.clock.advance(200)
    told.world.simulator.faults.clear()
    seen.append(brief(await told.deliver()))

    assert seen == [[], [], ["failed: -"], [], ["recovered: -"]]


async def test_a_window_is_mild_and_its_end_no_news(told: Told) -> None:
    told.world.describe(windows=[{"kind": "deny", "schedule": "0 0 * * *", "duration": "23h"}])
    change(told)

    (message,) = await told.deliver()
    assert (message.event, message.severity) == (NotificationEvent.BLOCKED, NotificationSeverity.INFO)
    assert message.outcome == "window-closed"
    told.world.clock.advance(12 * 3600)
    assert await told.deliver() == []


# Drift.


async def test_drift_is_told_with_who_did_it_and_its_end(told: Told) -> None:
    told.world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))

    (message,) = await told.deliver()
    assert brief([message]) == ["drift-began: hours"]
    (flow,) = message.flows
    assert (flow.outcome, flow.from_version, flow.to_version) == ("version", "1.0", "2.0")
    assert "Ada" in flow.why
    assert await told.deliver() == []
    told.world.describe(sync={"heal": True})
    told.world.commit()
    messages = await told.deliver()
    assert brief(messages) == ["drift-ended: hours"]


async def test_drift_that_one_pass_finds_and_heals_is_told_with_both_ends(told: Told) -> None:
    told.world.describe(sync={"heal": True})
    told.world.commit()
    await told.deliver()
    told.world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))

    assert brief(await told.deliver()) == ["drift-began: hours", "drift-ended: hours"]


# Who is told.


async def test_rules_choose_by_event_severity_organisation_and_label(world: World) -> None:
    rules = (
        NotificationRule("voice"),
        NotificationRule("team", labels={"team": "voice"}),
        NotificationRule("others", labels={"team": "digital"}),
        NotificationRule("drift", events=frozenset({NotificationEvent.DRIFT_BEGAN})),
        NotificationRule("grave", severity=NotificationSeverity.ERROR),
        NotificationRule("elsewhere", organizations=("staging", "test-*")),
        NotificationRule("here", organizations=("ac*",)),
    )
    told = Told(world, *rules, receivers=[rule.receiver for rule in rules])
    world.flow("front", inbound("Front"))
    world.flow("desk", inbound("Desk"))
    labelled = world.clone / "front.yaml"
    labelled.write_text(labelled.read_text().replace("name: front", "name: front\n  labels: {team: voice}", 1))
    world.commit()
    await told.deliver()
    for name in ("Front", "Desk"):
        world.by_hand("publish", "inboundcall", name, inbound(name, says="By hand"))

    await told.deliver()

    got = {name: brief(receiver.new()) for name, receiver in told.receivers.items() if name != "voice"}
    both = ["drift-began: desk front"]
    assert got == {
        "team": ["drift-began: front"],
        "others": [],
        "drift": both,
        "grave": [],
        "elsewhere": [],
        "here": both,
    }


async def test_the_manifest_names_receivers_too_and_only_those_that_there_are(world: World) -> None:
    told = Told(world, NotificationRule("none-of-ours", organizations=("x",)))
    world.describe(notifications=[{"receiver": "voice", "events": ["drift-began"]}, {"receiver": "unknown"}])
    world.flow("hours", module("Hours"))
    world.commit()
    await told.deliver()
    world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))

    assert brief(await told.deliver()) == ["drift-began: hours"]


async def test_each_mailbox_gets_a_message_of_its_own(told: Told) -> None:
    told.configure(mailboxes={"voice": ("ada@example.com", "bob@example.com")})
    told.world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))

    await notify(await told.world.apply(actor=SERVICE, watches=True), told.world.workspace(), told.world.services)
    await told.world.services.announcements.flush()

    payloads = told.receivers["voice"].payloads
    assert sorted(payload["recipient"] for payload in payloads) == ["ada@example.com", "bob@example.com"]


async def test_messages_link_to_the_controllers_pages(told: Told) -> None:
    told.world.services.settings = told.world.services.settings.model_copy(
        update={"public_url": "https://penstock.example.com"}
    )
    told.world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))

    (message,) = await told.deliver()

    assert message.url == "https://penstock.example.com/organizations/acme/drift"


async def test_without_rules_nothing_is_read_or_written(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.commit()
    report = await world.apply(actor=SERVICE, watches=True)

    await notify(report, world.workspace(), world.services)

    assert world.services.store.told.of(ORGANIZATION) is None


async def test_what_stands_when_the_first_rule_is_written_is_told(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.commit()
    await world.apply(actor=SERVICE, watches=True)
    world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))
    await world.apply(actor=SERVICE, watches=True)
    world.clock.advance(7 * 86_400)

    assert brief(await Told(world).deliver()) == ["drift-began: hours"]


async def test_two_controllers_that_tell_at_once_send_once(told: Told) -> None:
    """Both looked at the same moment, for example while an assignment moved."""
    told.world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))
    report = await told.world.apply(actor=SERVICE, watches=True)
    workspace, services = told.world.workspace(), told.world.services

    await asyncio.gather(*(notify(report, workspace, services) for _ in range(4)))
    await services.announcements.flush()

    assert brief(told.receivers["voice"].new()) == ["drift-began: hours"]
