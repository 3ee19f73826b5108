"""Validating, publishing in stages and switching on the versioned dialect: bodies, statuses and proofs."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.capabilities import provided
from controller.domain.desired import Stage
from controller.domain.errors.change import FlowLocked, NoSuchVersion, PublishFailed
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.organization import AnswerLost, BadAnswer, RequestRejected
from controller.domain.errors.process import SettingsInvalid
from controller.domain.platform import (
    Capability,
    ProgressState,
    PublishRequest,
    Severity,
    SwitchRequest,
    Ticket,
    TicketKind,
)
from controller.genesys.connect import ArchitectPlatform, VersionedPlatform
from tests.genesys.routed import LIST, VERSIONS, connected, entity, listed, versions
from tests.genesys.scripted import Handler, Reply, refusal, reply
from tests.support.clock import SteppedClock

VALIDATE = "POST /api/v2/flows/f1/versions/v1/validate"
PUBLISH = "POST /api/v2/flows/f1/versions/v1/publish"
STATUS = "GET /api/v2/flows/f1/versions/v1/publishstatus"


def _validation(successful: bool, *severities: str, errors: int = 0) -> Reply:
    results = [{"id": f"r{n}", "message": "Look here", "severity": one} for n, one in enumerate(severities)]
    summary = {"totalErrors": errors, "totalWarnings": 0, "isSuccessful": successful}
    return reply(body={"validationResults": results, "validationSummary": summary})


@pytest.mark.parametrize(
    ("answer", "successful", "errors"),
    [
        (_validation(True), True, 0),
        (_validation(True, "warning", "Info"), True, 0),
        (_validation(False, "error", "warning", errors=1), False, 1),
        (_validation(True, "error"), False, 1),
        (_validation(True, "catastrophe"), False, 1),
        (_validation(False), False, 1),
        (_validation(True, errors=3), False, 1),
    ],
    ids=[
        "clean",
        "warnings",
        "errors",
        "errors called a success",
        "unknown severity",
        "failed silently",
        "counted only",
    ],
)
async def test_validation_is_successful_only_without_any_error(
    clock: SteppedClock, answer: Reply, successful: bool, errors: int
) -> None:
    platform, answers = connected(clock, {VERSIONS: [versions(v1="draft")], VALIDATE: [answer]})
    report = await platform.versions.validate("f1", "1.0")
    assert (report.successful, len(report.errors)) == (successful, errors)
    assert answers.body(VALIDATE) == {}
    assert all(finding.severity in Severity for finding in report.findings)


async def test_a_staged_publish_sends_metadata_hash_and_stages_in_minutes(clock: SteppedClock) -> None:
    accepted = reply(202, {"status": "queued", "publishId": "p1", "flowId": "f1", "versionId": "v1"})
    platform, answers = connected(clock, {VERSIONS: [versions(v1="draft")], PUBLISH: [accepted]})
    metadata = {"releaseVersion": "abc", "deployedBy": "ci", "environment": "prod", "timestamp": "2026-01-05T12:00:00Z"}
    stages = (Stage(10, 300.0), Stage(50, 90.0), Stage(100, 0.0))
    request = PublishRequest("f1", "1.0", dependency_digest="sha256:1", metadata=metadata, stages=stages)
    assert await platform.publishing.publish(request) == Ticket(TicketKind.PUBLISH, "p1", "f1", "1.0")
    assert answers.body(PUBLISH) == {
        "publishType": "standard",
        "metadata": metadata,
        "dependencyValidationHash": "sha256:1",
        "rolloutConfig": {
            "staged": True,
            "stages": [
                {"percentage": 10, "durationMinutes": 5},
                {"percentage": 50, "durationMinutes": 1.5},
                {"percentage": 100, "durationMinutes": 0},
            ],
        },
    }


async def test_a_publish_at_once_sends_all_traffic_as_its_one_stage_and_carries_its_reason(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {VERSIONS: [versions(v1="draft")], PUBLISH: [reply(202, {"publishId": "p1"})]})
    await platform.publishing.publish(PublishRequest("f1", "1.0", reason="rollback: gate failed"))
    assert answers.body(PUBLISH) == {
        "publishType": "standard",
        "metadata": {"reason": "rollback: gate failed"},
        "rolloutConfig": {"staged": False, "stages": [{"percentage": 100, "durationMinutes": 0}]},
    }


async def test_a_publish_whose_answer_was_lost_is_sent_once(clock: SteppedClock) -> None:
    routes = {VERSIONS: [versions(v1="draft")], PUBLISH: [httpx.ReadTimeout("x")]}
    platform, answers = connected(clock, routes)
    with pytest.raises(AnswerLost):
        await platform.publishing.publish(PublishRequest("f1", "1.0"))
    assert answers.calls.count(PUBLISH) == 1


async def test_a_version_that_is_not_there_is_not_published(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {VERSIONS: [versions(v1="draft")]})
    with pytest.raises(NoSuchVersion):
        await platform.publishing.publish(PublishRequest("f1", "2.0"))
    assert answers.calls == [VERSIONS]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", ProgressState.QUEUED),
        ("publishing", ProgressState.RUNNING),
        ("completed", ProgressState.SUCCEEDED),
        ("failed", ProgressState.FAILED),
        ("cancelled", ProgressState.CANCELLED),
        ("COMPLETED", ProgressState.SUCCEEDED),
    ],
)
async def test_the_publish_status_is_read_with_all_that_it_tells(
    clock: SteppedClock, status: str, state: ProgressState
) -> None:
    body = {
        "status": status,
        "progressPercent": 40,
        "currentStage": 2,
        "estimatedTimeRemainingSeconds": 90,
        "errors": [{"code": "E1", "message": "No prompt"}, "plain words"],
    }
    platform, _ = connected(clock, {VERSIONS: [versions(v1="draft")], STATUS: [reply(body=body)]})
    progress = await platform.publishing.progress(Ticket(TicketKind.PUBLISH, "p1", "f1", "1.0"))
    assert (progress.state, progress.percent, progress.stage, progress.eta_s) == (state, 40, "2", 90)
    assert progress.messages == ("E1 No prompt", "plain words")


async def test_an_unknown_publish_status_is_never_taken_for_a_good_one(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {VERSIONS: [versions(v1="draft")], STATUS: [reply(body={"status": "great"})]})
    with pytest.raises(BadAnswer, match="great"):
        await platform.publishing.progress(Ticket(TicketKind.PUBLISH, "p1", "f1", "1.0"))


async def test_a_publish_that_another_one_replaced_is_cancelled(clock: SteppedClock) -> None:
    answer = reply(body={"status": "completed", "publishId": "p2"})
    platform, _ = connected(clock, {VERSIONS: [versions(v1="draft")], STATUS: [answer]})
    progress = await platform.publishing.progress(Ticket(TicketKind.PUBLISH, "p1", "f1", "1.0"))
    assert progress.state is ProgressState.CANCELLED
    assert "p2" in progress.messages[0]


def _routed(**changes: object) -> Reply:
    answer = {"id": "f1", "name": "Flow 1", "version": "2.0", "description": "", "status": "deployed"}
    return reply(body=answer | changes)


SWITCH = "PUT /api/v2/routing/flows/f1"
TWO: list[Reply | Handler] = [versions(v1="deployed", v2="published")]
TO_2 = SwitchRequest("f1", "2.0", rollback_to="1.0", reason="promote")


@pytest.mark.parametrize("answered", ["2.0", "v2"])
async def test_a_switch_is_one_put_of_the_versions_id_that_says_what_to_go_back_to(
    clock: SteppedClock, answered: str
) -> None:
    platform, answers = connected(
        clock, {LIST: [listed(entity(1))], VERSIONS: TWO, SWITCH: [_routed(version=answered)]}
    )
    ticket = await platform.publishing.switch(TO_2)
    assert ticket.kind is TicketKind.DONE
    assert (await platform.publishing.progress(ticket)).state is ProgressState.SUCCEEDED
    assert answers.body(SWITCH) == {"version": "v2", "description": "promote; rollback to 1.0"}


async def test_a_switch_is_told_by_the_number_where_the_id_is_not_understood(clock: SteppedClock) -> None:
    """A 400 did nothing; whatever else is refused is not sent in other words."""
    unknown = refusal(400, "bad.request", "unknown version v2")
    routes = {LIST: [listed(entity(1))], VERSIONS: TWO}
    platform, answers = connected(clock, routes | {SWITCH: [unknown, _routed()]})
    await platform.publishing.switch(TO_2)
    assert answers.body(SWITCH)["version"] == "2.0"
    platform, answers = connected(clock, routes | {SWITCH: [unknown]})
    with pytest.raises(RequestRejected, match="unknown version"):
        await platform.publishing.switch(TO_2)
    assert answers.calls.count(SWITCH) == 2
    platform, answers = connected(clock, routes | {SWITCH: [refusal(403, "x", "no")]})
    with pytest.raises(RequestRejected):
        await platform.publishing.switch(TO_2)
    assert answers.calls.count(SWITCH) == 1


async def test_a_switch_to_what_is_live_already_writes_nothing(clock: SteppedClock) -> None:
    routes = {LIST: [listed(entity(1, "2.0"))], VERSIONS: [versions(v1="published", v2="deployed")]}
    platform, answers = connected(clock, routes)
    assert (await platform.publishing.switch(TO_2)).kind is TicketKind.DONE
    assert answers.calls == [LIST, VERSIONS]


async def test_a_switch_is_sent_while_it_is_not_certain_that_the_version_is_live(clock: SteppedClock) -> None:
    """The versions show it live, the listing does not. Sending it again changes nothing; believing it may be wrong."""
    routes = {LIST: [listed(entity(1))], VERSIONS: [versions(v1="published", v2="deployed")], SWITCH: [_routed()]}
    platform, answers = connected(clock, routes)
    assert (await platform.publishing.switch(TO_2)).kind is TicketKind.DONE
    assert answers.calls.count(SWITCH) == 1


@pytest.mark.parametrize("changes", [{"version": "1.0"}, {"version": "2"}, {"id": "f2"}])
async def test_an_answer_that_does_not_prove_the_switch_is_a_failure(
    clock: SteppedClock, changes: dict[str, object]
) -> None:
    platform, _ = connected(clock, {LIST: [listed(entity(1))], VERSIONS: TWO, SWITCH: [_routed(**changes)]})
    with pytest.raises(PublishFailed, match="answered with version"):
        await platform.publishing.switch(TO_2)


async def test_a_switch_survives_429_and_5xx_because_it_is_the_same_however_often_it_is_sent(
    clock: SteppedClock,
) -> None:
    faults = [reply(429, {}, headers={"Retry-After": "5"}), refusal(503, "x", "x"), httpx.ReadError("x"), _routed()]
    platform, answers = connected(clock, {LIST: [listed(entity(1))], VERSIONS: TWO, SWITCH: faults})
    await platform.publishing.switch(TO_2)
    assert answers.calls.count(SWITCH) == 4


async def test_a_429_that_says_nothing_of_when_is_backed_off_from_in_seconds(clock: SteppedClock) -> None:
    """The document's retries begin at 2 s and double; a minute is the limit of Genesys' own API."""
    platform, answers = connected(clock, {VERSIONS: [*[reply(429, {})] * 3, *TWO]})
    await platform.versions.of("f1")
    assert answers.calls.count(VERSIONS) == 4
    assert 2 * 3 <= clock.elapsed_s <= 2 + 4 + 8


async def test_a_409_names_who_holds_the_lock_as_the_listing_tells(clock: SteppedClock) -> None:
    locked = entity(1, metadata={"status": "deployed", "lockedBy": {"id": "u1", "name": "Grace Hopper"}})
    routes = {VERSIONS: TWO, SWITCH: [refusal(409, "x", "Conflict")], LIST: [listed(entity(1)), listed(locked)]}
    platform, _ = connected(clock, routes)
    await platform.flows.listing()
    with pytest.raises(FlowLocked, match="is locked by Grace Hopper") as caught:
        await platform.publishing.switch(TO_2)
    assert caught.value.holder == "Grace Hopper"
    found = await platform.flows.get("f1")
    assert found
    assert found.locked_by
    assert found.locked_by.name == "Grace Hopper"


async def test_a_409_is_a_lock_with_the_organisations_words(clock: SteppedClock) -> None:
    conflict = refusal(409, "general.conflict", "Locked by user Grace Hopper.")
    platform, _ = connected(clock, {LIST: [listed(entity(1))], VERSIONS: TWO, SWITCH: [conflict]})
    with pytest.raises(FlowLocked, match="Locked by user Grace Hopper") as caught:
        await platform.publishing.switch(TO_2)
    assert caught.value.retry_after_s == 15


async def test_what_the_dialect_cannot_do_is_refused_with_the_way_out(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {})
    for part, capability in (
        (platform.uploads, Capability.PUBLISH_SOURCE),
        (platform.locks, Capability.UNLOCK),
        (platform.removal, Capability.UNPUBLISH),
        (platform.removal, Capability.DELETE),
        (platform.launches, Capability.LAUNCH),
    ):
        with pytest.raises(CapabilityMissing) as caught:
            provided(part, platform.dialect, capability)
        assert caught.value.hint
    assert answers.calls == []


PARTS = {
    Capability.PUBLISH_SOURCE: "uploads",
    Capability.DEPENDENCY_INDEX: "dependency_index",
    Capability.CHANGED_SINCE: "changes",
    Capability.LAUNCH: "launches",
    Capability.TRACE_SESSIONS: "traces",
    Capability.ACTION_TRACES: "action_traces",
    Capability.EXECUTION_DATA: "executions",
    Capability.NOTIFICATIONS: "notifications",
    Capability.UNPUBLISH: "removal",
    Capability.DELETE: "removal",
    Capability.UNLOCK: "locks",
}


@pytest.mark.parametrize("kind", [ArchitectPlatform, VersionedPlatform])
def test_a_dialect_has_the_part_of_each_capability_that_it_declares(
    clock: SteppedClock, kind: type[ArchitectPlatform | VersionedPlatform]
) -> None:
    platform = kind(connected(clock, {})[0].transport)
    declared = {capability for capability in PARTS if capability in platform.capabilities}
    assert {capability for capability, part in PARTS.items() if getattr(platform, part) is not None} == declared


async def test_a_ticket_of_the_other_dialect_is_refused(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {})
    with pytest.raises(SettingsInvalid, match="another dialect"):
        await platform.publishing.progress(Ticket(TicketKind.JOB, "j1", None))


@pytest.mark.parametrize("answer", [refusal(410, "architect.flow.deleted", "Gone"), versions(v2="draft")])
async def test_no_publish_runs_of_a_flow_or_a_version_that_is_gone(clock: SteppedClock, answer: Reply) -> None:
    platform, _ = connected(clock, {VERSIONS: [answer]})
    assert await platform.publishing.running("f1", "1.0") is None
