"""Validation where the organisation offers it, and its dependency index, which may be stale."""

from __future__ import annotations

import pytest

from controller.domain.errors.organization import NotFound, PermissionMissing
from controller.domain.platform import Severity
from controller.genesys.architect.dependencies import object_type
from controller.genesys.architect.versions import ArchitectVersions
from controller.genesys.connect import ArchitectPlatform
from tests.genesys.hands import Hands, ivr, module
from tests.genesys.scripted import Reply, refusal, reply, script
from tests.support.clock import SteppedClock


async def test_a_version_without_mistakes_is_valid(hands: Hands, organization: ArchitectPlatform) -> None:
    flow_id = await hands.make(ivr())
    report = await organization.versions.validate(flow_id, "1.0")
    assert report.successful
    assert report.errors == ()


async def test_a_version_that_calls_what_is_not_there_has_an_error(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    callee = await hands.make(module())
    flow_id = await hands.make(ivr(module="Greeting"))
    await hands.do("delete", callee)
    report = await organization.versions.validate(flow_id, "1.0")
    assert not report.successful
    assert any("Greeting" in finding.message for finding in report.errors)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "not.found", "The requested resource was not found."),
        refusal(405, "method.not.allowed", "No."),
        refusal(403, "forbidden", "The feature is not enabled for this organization."),
    ],
)
async def test_where_validation_is_not_offered_a_warning_says_so(clock: SteppedClock, answer: Reply) -> None:
    report = await ArchitectVersions(script(answer).transport(clock)).validate("f1", "1.0")
    assert report.successful
    [finding] = report.findings
    assert (finding.severity, finding.id) == (Severity.WARNING, "validation-unavailable")
    assert "was not checked" in finding.message


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(404, "architect.flow.not.found", "Could not find flow with specified ID."), NotFound),
        (refusal(403, "missing.permissions", "missing: architect:jobValidate:create"), PermissionMissing),
    ],
)
async def test_a_missing_flow_or_permission_is_no_missing_feature(
    clock: SteppedClock, answer: Reply, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await ArchitectVersions(script(answer).transport(clock)).validate("f1", "1.0")


@pytest.mark.parametrize(
    ("status", "messages", "successful", "errors"),
    [
        ("Success", [("Warning", "long prompt")], True, 0),
        ("Success", [("Warning", "a"), ("Error", "b"), ("Unknown", "c")], False, 1),
        ("Failure", [], False, 1),
        ("Failure", [("Warning", "a")], False, 1),
        ("Failure", [("Error", "b")], False, 1),
    ],
)
async def test_a_report_is_successful_only_without_errors(
    clock: SteppedClock, status: str, messages: list[tuple[str, str]], successful: bool, errors: int
) -> None:
    told = [{"type": kind, "text": text} for kind, text in messages]
    job = reply(body={"id": "j1", "status": status, "messages": told})
    report = await ArchitectVersions(script(reply(body={"id": "j1"}), job).transport(clock)).validate("f1", "1.0")
    assert (report.successful, len(report.errors)) == (successful, errors)


async def test_details_of_a_jobs_messages_do_not_leak_what_they_quote(clock: SteppedClock) -> None:
    """Their bodies are unredacted: only status, code and message are shown."""
    detail = {
        "type": "NetworkDiagnostic",
        "url": "https://x.test/?token=hidden1",
        "requestBody": "hidden2",
        "responseBody": "hidden3",
        "statusCode": 404,
        "errorCode": "not.found",
        "errorMessage": "No queue",
    }
    message = {"type": "Error", "text": "see https://x.test/a?Signature=hidden4", "details": [detail]}
    job = reply(body={"id": "j1", "status": "Failure", "messages": [message]})
    report = await ArchitectVersions(script(reply(body={"id": "j1"}), job).transport(clock)).validate("f1", "1.0")
    [finding] = report.errors
    assert "hidden" not in finding.message
    assert "404 not.found No queue" in finding.message


async def test_consumers_are_the_published_flows_that_call_it_each_once(
    hands: Hands, organization: ArchitectPlatform
) -> None:
    callee = await hands.make(module())
    callers = [await hands.make(ivr(f"Caller {number}", module="Greeting")) for number in range(3)]
    for _ in range(2):
        await hands.do("publish", callers[0])
    await hands.do("publish", callers[2], text=ivr("Caller 2"))
    flow = await organization.flows.get(callee)
    assert flow
    found = await organization.dependency_index.consumers(flow)
    assert found.complete
    assert [one.id for one in found.flows] == callers[:2]
    assert await organization.dependency_index.state() == "OPERATIONAL"


async def test_a_stale_index_says_that_it_is_not_complete(hands: Hands, organization: ArchitectPlatform) -> None:
    """The organisation answers 206 then."""
    flow = await organization.flows.get(await hands.make(module()))
    hands.break_down("stale-index")
    assert flow
    assert not (await organization.dependency_index.consumers(flow)).complete


@pytest.mark.parametrize(
    ("flow_type", "name"),
    [("inboundcall", "INBOUNDCALLFLOW"), ("workflow", "WORKFLOW"), ("commonmodule", "COMMONMODULEFLOW")],
)
def test_the_index_has_names_of_its_own_for_flow_types(flow_type: str, name: str) -> None:
    assert object_type(flow_type) == name
