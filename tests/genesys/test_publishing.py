"""Writing on the architect dialect: publish, upload, unlock, unpublish, delete, and what comes of each."""

from __future__ import annotations

import pytest

from controller.domain.desired import Stage
from controller.domain.errors.change import FlowLocked, NoSuchVersion, PublishFailed
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.organization import AnswerLost, NotFound, PermissionMissing, RequestRejected
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import FlowKey
from controller.domain.platform import (
    Priority,
    Progress,
    ProgressState,
    PublishRequest,
    SwitchRequest,
    Ticket,
    TicketKind,
)
from controller.genesys.architect.publish import ArchitectPublishing
from controller.genesys.connect import ArchitectPlatform
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.genesys.conftest import Connect
from tests.genesys.hands import Hands, ivr, module
from tests.genesys.scripted import refusal, reply, script
from tests.support.clock import SteppedClock


async def _end(organization: ArchitectPlatform, ticket: Ticket, clock: SteppedClock) -> Progress:
    """Follow the ticket for at most two minutes."""
    for _ in range(60):
        progress = await organization.publishing.progress(ticket)
        if progress.finished:
            return progress
        await clock.sleep(2)
    return progress


async def _upload(organization: ArchitectPlatform, text: str, clock: SteppedClock) -> Progress:
    slot = await organization.uploads.register()
    await organization.uploads.send(slot, text)
    return await _end(organization, slot.ticket, clock)


async def test_an_upload_publishes_a_new_flow_and_tells_its_id(
    organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    slot = await organization.uploads.register()
    waiting = await organization.publishing.progress(slot.ticket)
    assert (waiting.state, waiting.started) == (ProgressState.QUEUED, False)
    await organization.uploads.send(slot, ivr("Größe 🎉"))
    running = await organization.publishing.progress(slot.ticket)
    assert (running.state, running.started) == (ProgressState.RUNNING, True)
    done = await _end(organization, slot.ticket, clock)
    assert done.state is ProgressState.SUCCEEDED
    found = await organization.flows.find(FlowKey("inboundcall", "Größe 🎉"))
    assert found
    assert (found.id, found.published_version) == (done.flow_id, "1.0")


async def test_a_second_upload_of_the_same_name_is_the_next_version(
    organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    first = await _upload(organization, ivr(), clock)
    second = await _upload(organization, ivr(says="Hello"), clock)
    assert first.flow_id == second.flow_id
    found = await organization.flows.get(second.flow_id or "")
    assert found
    assert found.published_version == "2.0"


async def test_an_upload_that_fails_tells_the_organisations_words(
    organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    failed = await _upload(organization, ivr(module="Nowhere"), clock)
    assert failed.state is ProgressState.FAILED
    assert any("Nowhere" in message for message in failed.messages)


async def test_an_upload_can_fail_without_a_word(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    hands.break_down("job-fails", message="")
    failed = await _upload(organization, ivr(), clock)
    assert (failed.state, failed.messages) == (ProgressState.FAILED, ())


async def test_a_slot_shows_neither_its_url_nor_its_headers(organization: ArchitectPlatform) -> None:
    slot = await organization.uploads.register()
    assert slot.url not in repr(slot)
    assert "http" not in repr(slot)


async def test_an_upload_whose_answer_was_lost_may_have_arrived(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    """Its job tells: it has started, and ends well."""
    slot = await organization.uploads.register()
    hands.break_down("reset", match={"method": "PUT"}, point="after", times=1)
    with pytest.raises(AnswerLost):
        await organization.uploads.send(slot, ivr())
    assert (await organization.publishing.progress(slot.ticket)).started
    assert (await _end(organization, slot.ticket, clock)).state is ProgressState.SUCCEEDED


async def test_an_upload_that_never_arrived_has_not_started(hands: Hands, organization: ArchitectPlatform) -> None:
    slot = await organization.uploads.register()
    hands.break_down("reset", match={"method": "PUT"}, point="before", times=1)
    with pytest.raises(AnswerLost):
        await organization.uploads.send(slot, ivr())
    assert not (await organization.publishing.progress(slot.ticket)).started


async def test_a_version_is_published_and_followed_to_its_end(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    ticket = await organization.publishing.publish(PublishRequest(flow_id, "2.0"))
    assert (ticket.kind, ticket.flow_id, ticket.version) == (TicketKind.OPERATION, flow_id, "2.0")
    assert (await organization.publishing.progress(ticket)).state is ProgressState.RUNNING
    assert (await _end(organization, ticket, clock)).state is ProgressState.SUCCEEDED
    assert await hands.history(flow_id, "publish") == ["1.0", "2.0"]


async def test_a_switch_publishes_the_target_version(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("publish", flow_id)
    ticket = await organization.at(Priority.ROLLBACK).publishing.switch(SwitchRequest(flow_id, "1.0", "2.0"))
    assert (await _end(organization, ticket, clock)).state is ProgressState.SUCCEEDED
    found = await organization.flows.get(flow_id)
    assert found
    assert found.published_version == "1.0"


async def test_a_publish_that_fails_tells_why(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    hands.break_down("publish-fails", message="A prompt is missing.")
    ticket = await organization.publishing.publish(PublishRequest(flow_id, "2.0"))
    failed = await _end(organization, ticket, clock)
    assert failed.state is ProgressState.FAILED
    assert any("A prompt is missing." in message for message in failed.messages)


async def test_a_publish_that_did_nothing_never_succeeds(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    """HTTP 200 is no proof: the flow never shows the operation, and its version does not move."""
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    hands.break_down("publish-silent-noop")
    ticket = await organization.publishing.publish(PublishRequest(flow_id, "2.0"))
    seen = await _end(organization, ticket, clock)
    assert seen.state is ProgressState.RUNNING
    assert "does not show this operation" in seen.messages[0]


async def test_a_publish_that_ends_on_another_version_says_so(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    await hands.do("checkin", flow_id)
    hands.break_down("wrong-version", version="3.0")
    ticket = await organization.publishing.publish(PublishRequest(flow_id, "2.0"))
    seen = await _end(organization, ticket, clock)
    assert "version 3.0 is live instead of 2.0" in seen.messages[0]


async def test_a_publish_whose_operation_was_overtaken_is_known_by_its_version(
    hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    ticket = await organization.publishing.publish(PublishRequest(flow_id, "2.0"))
    await clock.sleep(5)
    await hands.do("lock", flow_id)
    assert (await organization.publishing.progress(ticket)).state is ProgressState.SUCCEEDED


async def test_a_publish_of_a_flow_that_is_not_found_is_not_known_to_have_ended(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    flow_id = await hands.make(ivr())
    ticket = await organization.publishing.publish(PublishRequest(flow_id, "1.0"))
    await hands.do("delete", flow_id)
    progress = await organization.publishing.progress(ticket)
    assert (progress.state, progress.messages) == (ProgressState.RUNNING, ("the flow is not found",))


async def test_a_locked_flow_names_the_holder(hands: Hands, organization: ArchitectPlatform) -> None:
    """The 409's body need not tell who: it is read from the flow."""
    flow_id = await hands.make(ivr())
    await hands.do("draft", flow_id, by="Grace Hopper", text=ivr(says="Hello"))
    with pytest.raises(FlowLocked, match=r"Main IVR .* is locked by Grace Hopper since 2026-01-05") as caught:
        await organization.publishing.publish(PublishRequest(flow_id, "1.0"))
    assert caught.value.holder == "Grace Hopper"
    assert caught.value.retry_after_s == 15


async def test_a_flow_that_is_busy_has_no_holder(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    await organization.publishing.publish(PublishRequest(flow_id, "1.0"))
    with pytest.raises(FlowLocked, match="is busy") as caught:
        await organization.publishing.publish(PublishRequest(flow_id, "1.0"))
    assert caught.value.holder is None


async def test_a_version_that_the_organisation_calls_missing_is_no_such_version(clock: SteppedClock) -> None:
    words = "Flow 'Main IVR' version '9.0' is missing. (not.found)"
    with pytest.raises(NoSuchVersion, match=r"no version 9\.0"):
        await ArchitectPublishing(script(refusal(404, "not.found", words)).transport(clock)).publish(
            PublishRequest("f1", "9.0")
        )
    gone = refusal(410, "architect.flow.deleted", "Flow has been deleted.")
    with pytest.raises(NotFound):
        await ArchitectPublishing(script(gone).transport(clock)).publish(PublishRequest("f1", "9.0"))


async def test_a_publish_that_failed_at_once_is_raised(clock: SteppedClock) -> None:
    operation = {"id": "o1", "complete": True, "actionStatus": "FAILURE", "errorCode": "x", "errorMessage": "No."}
    with pytest.raises(PublishFailed, match="x No"):
        await ArchitectPublishing(script(reply(body=operation)).transport(clock)).publish(PublishRequest("f1", "2.0"))


async def test_a_publish_whose_answer_was_lost_is_not_repeated(
    simulator: Simulator, hands: Hands, organization: ArchitectPlatform, clock: SteppedClock
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("checkin", flow_id)
    hands.break_down("reset", match={"route": "/api/v2/flows/actions/publish"}, point="after", times=1)
    with pytest.raises(AnswerLost):
        await organization.publishing.publish(PublishRequest(flow_id, "2.0"))
    await clock.sleep(10)
    assert await hands.history(flow_id, "publish") == ["1.0", "2.0"]
    assert simulator.calls.count("POST", "/api/v2/flows/actions/publish") == 1


async def test_unlocking_checks_the_holders_changes_in_as_a_new_version(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("draft", flow_id, text=ivr(says="Hello"))
    freed = await organization.locks.unlock(flow_id)
    assert (freed.locked_by, freed.checked_in_version, freed.has_draft) == (None, "2.0", False)


async def test_unpublishing_leaves_the_versions(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    await organization.removal.unpublish(flow_id)
    found = await organization.flows.get(flow_id)
    assert found
    assert (found.published_version, found.checked_in_version, found.status) == (None, "1.0", "draft")
    with pytest.raises(RequestRejected, match="is not published"):
        await organization.removal.unpublish(flow_id)


async def test_deleting_is_done_however_often_it_is_asked(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    await organization.removal.delete(flow_id)
    await organization.removal.delete(flow_id)
    assert await organization.flows.get(flow_id) is None


async def test_a_locked_flow_is_not_deleted(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    await hands.do("lock", flow_id, by="Grace Hopper")
    with pytest.raises(FlowLocked, match="Grace Hopper"):
        await organization.removal.delete(flow_id)


async def test_stages_are_refused_before_any_call(simulator: Simulator, organization: ArchitectPlatform) -> None:
    with pytest.raises(CapabilityMissing):
        await organization.publishing.publish(PublishRequest("f1", "1.0", stages=(Stage(100, 0.0),)))
    assert simulator.calls.count() == 0


async def test_a_ticket_of_the_other_dialect_is_refused(organization: ArchitectPlatform) -> None:
    with pytest.raises(SettingsInvalid, match="another dialect"):
        await organization.publishing.progress(Ticket(TicketKind.PUBLISH, "p1", "f1", "1.0"))


async def test_a_client_without_the_permission_is_told_its_name(
    simulator: Simulator, hands: Hands, open_organization: Connect
) -> None:
    simulator.clients["reader"] = SimulatedClient(
        "reader", "reader-secret", permissions=frozenset({"architect:flow:view"})
    )
    flow_id = await hands.make(module())
    reader = open_organization("reader")
    assert await reader.flows.get(flow_id)
    with pytest.raises(PermissionMissing) as caught:
        await reader.uploads.register()
    assert caught.value.permission == "architect:job:create"
    with pytest.raises(PermissionMissing) as caught:
        await reader.publishing.publish(PublishRequest(flow_id, "1.0"))
    assert caught.value.permission == "architect:flow:publish, architect:flow:unlock"
