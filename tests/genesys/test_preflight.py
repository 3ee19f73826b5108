"""The preflight: what a client can expect of an organisation, found out without writing."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.identity import FlowKey
from controller.genesys.connect import ArchitectPlatform, VersionedPlatform
from controller.genesys.permissions import OPERATIONS, PERMISSIONS, permissions_needed
from controller.genesys.preflight import Check, CheckVerdict, PreflightReport, preflight
from controller.genesys.settings import TransportSettings
from controller.simulator.execution import LogSetting, SimulatedLogLevel, defaults
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.genesys.conftest import Connect
from tests.genesys.hands import Hands, ivr
from tests.genesys.scripted import Handler, refusal, reply, script
from tests.support.clock import SteppedClock

ONCE = TransportSettings(retries=0)
DATE = {"Date": "Mon, 05 Jan 2026 12:01:30 GMT", "inin-ratelimit-allowed": "300"}
ROLES = {
    "id": "client",
    "grants": [
        {"role": {"policies": [{"domain": "architect", "entityName": "flow", "actions": ["view", "publish"]}]}},
        {"role": {"policies": [{"domain": "architect", "entityName": "job", "actions": ["*"]}]}},
        {"role": {"policies": [{"domain": "routing", "entityName": "*", "actions": ["*"]}]}},
        {"role": {}},
    ],
}


def _routes(answers: dict[str, httpx.Response]) -> Handler:
    """Answers by path; everything else does not exist."""

    def answer(request: httpx.Request) -> httpx.Response:
        given = answers.get(request.url.path, refusal(404, "not.found", "not found"))
        return httpx.Response(given.status_code, headers=given.headers, content=given.content)

    return answer


async def _architect(clock: SteppedClock, answers: dict[str, httpx.Response], *operations: str) -> PreflightReport:
    answers = {"/api/v2/tokens/me": reply(body={"organization": {"name": "Acme"}}, headers=DATE)} | answers
    return await preflight(ArchitectPlatform(script(_routes(answers)).transport(clock, ONCE)), operations)


def _check(report: PreflightReport, name: str) -> Check:
    [check] = [check for check in report.checks if check.name == name]
    return check


async def test_a_client_with_all_rights_passes_on_the_simulated_organisation(
    simulator: Simulator, organization: ArchitectPlatform
) -> None:
    report = await preflight(organization, ["observe", "upload", "publish", "export"])
    assert report.ok
    assert (report.organization, report.rate_limit_per_minute) == ("Simulated organisation", 300)
    assert report.missing_permissions == ()
    assert simulator.calls.count("POST") == simulator.calls.count("POST", "/oauth/token") == 1


async def test_a_client_that_may_only_look_is_told_what_is_missing(
    simulator: Simulator, open_organization: Connect
) -> None:
    simulator.clients["reader"] = SimulatedClient(
        "reader", "reader-secret", permissions=frozenset({"architect:flow:view"})
    )
    report = await preflight(open_organization("reader"), ["observe", "upload", "export"])
    assert not report.ok
    assert report.missing_permissions == (
        "architect:flow:add",
        "architect:flow:edit",
        "architect:flow:publish",
        "architect:job:create",
        "architect:job:view",
        "architect:jobExport:create",
        "architect:jobExport:view",
    )
    assert report.unproven_permissions == ()


@pytest.mark.parametrize("roles", [{"id": "client", "grants": [{"role": {"name": "Admin"}}]}, {"id": "client"}, []])
async def test_roles_that_tell_nothing_prove_nothing(clock: SteppedClock, roles: object) -> None:
    """Then every read is tried, and what cannot be tried is said to be unknown, not missing."""
    answers = {"/api/v2/authorization/subjects/me": reply(body=roles), "/api/v2/flows": reply(body={"entities": []})}
    report = await _architect(clock, answers, "observe", "unlock")
    assert report.missing_permissions == ()
    assert report.unproven_permissions == ("architect:flow:unlock",)


async def test_roles_that_cannot_be_read_are_said_to_be_why_permissions_are_not_proven(clock: SteppedClock) -> None:
    answers = {"/api/v2/authorization/subjects/me": refusal(403, "x", "Not for you.")}
    report = await _architect(clock, answers, "unlock")
    assert "the client's roles cannot be read" in _check(report, "permissions to write").message
    assert "Not for you." in _check(report, "permissions to write").message


async def test_wrong_credentials_fail_the_first_check_and_nothing_else_is_asked(
    simulator: Simulator, open_organization: Connect
) -> None:
    report = await preflight(open_organization("nobody"))
    assert [check.verdict for check in report.checks] == [CheckVerdict.FAILED]
    assert "client id and secret" in (report.checks[0].hint or "")
    assert simulator.calls.count("GET") == 0


async def test_roles_tell_every_missing_permission_without_a_probe(clock: SteppedClock) -> None:
    organization = script(
        _routes({"/api/v2/tokens/me": reply(headers=DATE), "/api/v2/authorization/subjects/me": reply(body=ROLES)})
    )
    platform = ArchitectPlatform(organization.transport(clock, ONCE))
    report = await preflight(platform, ["observe", "upload", "publish", "delete"])
    assert report.missing_permissions == (
        "architect:flow:add",
        "architect:flow:delete",
        "architect:flow:edit",
        "architect:flow:unlock",
    )
    assert report.unproven_permissions == ()
    probed = [each.url.path for each in organization.requests if "/settings/" not in each.url.path]
    assert probed == ["/api/v2/tokens/me", "/api/v2/authorization/subjects/me"]


@pytest.mark.parametrize("dialect", [ArchitectPlatform, VersionedPlatform])
async def test_a_refusal_tells_limit_and_clock_as_well(
    clock: SteppedClock, dialect: type[ArchitectPlatform | VersionedPlatform]
) -> None:
    denied = httpx.Response(403, headers=DATE, content=refusal(403, "missing.permissions", "No.").content)
    report = await preflight(dialect(script(denied).transport(clock, ONCE)), ["observe"])
    assert (report.rate_limit_per_minute, report.clock_skew_s) == (300, 90)
    assert _check(report, "login and API").verdict is CheckVerdict.OK
    assert report.missing_permissions != ()


async def test_a_clock_that_is_far_off_is_a_warning(clock: SteppedClock) -> None:
    report = await _architect(clock, {}, "observe")
    assert report.clock_skew_s == 90
    assert _check(report, "clock").verdict is CheckVerdict.WARNING
    assert "90 s ahead" in _check(report, "clock").message


@pytest.mark.parametrize(
    ("enabled", "verdict"), [(True, CheckVerdict.OK), (False, CheckVerdict.WARNING), (None, CheckVerdict.UNKNOWN)]
)
async def test_execution_data_that_are_off_are_a_warning(
    clock: SteppedClock, enabled: bool | None, verdict: CheckVerdict
) -> None:
    setting = reply(body={"enabled": enabled}) if enabled is not None else refusal(403, "x", "No.")
    report = await _architect(clock, {"/api/v2/flows/instances/settings/executiondata": setting}, "observe")
    assert report.execution_data is enabled
    assert _check(report, "execution data").verdict is verdict


async def test_flows_that_record_nothing_are_a_warning(
    hands: Hands, simulator: Simulator, organization: ArchitectPlatform
) -> None:
    """A flow's own level counts before the default one; flows that nobody asks about do not."""
    ids = {name: await hands.make(ivr(name)) for name in ("Front", "Quiet", "Other")}
    settings = simulator.organization.state.execution_data
    for name in ("Quiet", "Other"):
        settings.flows[ids[name]] = LogSetting(SimulatedLogLevel.DISABLED, defaults(SimulatedLogLevel.DISABLED))
    asked = [FlowKey("inboundcall", name) for name in ("Front", "Quiet")]

    report = await preflight(organization, ["observe"], asked)

    assert report.log_level == "All"
    level = _check(report, "log level")
    assert level.verdict is CheckVerdict.WARNING
    assert level.message.startswith("Disabled for inboundcall/Quiet: ")
    assert "penstock trace settings" in (level.hint or "")


async def test_the_default_level_and_what_it_leaves_out_are_told(
    simulator: Simulator, organization: ArchitectPlatform
) -> None:
    simulator.organization.state.execution_data.default = LogSetting(
        SimulatedLogLevel.NOTES, defaults(SimulatedLogLevel.NOTES)
    )
    level = _check(await preflight(organization, ["observe"]), "log level")
    assert level.verdict is CheckVerdict.OK
    assert level.message == "Notes by default; traces lack communications, executionInputOutputs"


async def test_a_lower_limit_of_the_organisation_is_what_this_client_sends_at_most(clock: SteppedClock) -> None:
    told = reply(headers=DATE | {"inin-ratelimit-allowed": "120"})
    limit = _check(await _architect(clock, {"/api/v2/tokens/me": told}, "observe"), "request limit")
    assert limit.message == "120 requests a minute; this client sends at most 120"


@pytest.mark.parametrize(
    ("status", "verdict"), [("OPERATIONAL", CheckVerdict.OK), ("BUILDINPROGRESS", CheckVerdict.WARNING)]
)
async def test_a_dependency_index_that_is_being_built_is_a_warning(
    clock: SteppedClock, status: str, verdict: CheckVerdict
) -> None:
    answers = {"/api/v2/architect/dependencytracking/build": reply(body={"status": status})}
    report = await _architect(clock, answers, "dependencies")
    assert report.dependency_index == status
    assert _check(report, "dependency index").verdict is verdict


async def test_headers_that_are_not_there_are_unknown(clock: SteppedClock) -> None:
    report = await _architect(clock, {"/api/v2/tokens/me": reply()}, "observe")
    assert (report.organization, report.rate_limit_per_minute, report.clock_skew_s) == (None, None, None)
    assert _check(report, "clock").verdict is _check(report, "request limit").verdict is CheckVerdict.UNKNOWN


@pytest.mark.parametrize(
    "answer", [reply(body=[]), httpx.Response(200, content=b"<html>"), refusal(500, "x", "x"), httpx.Response(302)]
)
async def test_an_api_that_makes_no_sense_fails_the_first_check(clock: SteppedClock, answer: httpx.Response) -> None:
    report = await _architect(clock, {"/api/v2/tokens/me": answer})
    assert not report.ok
    assert [check.verdict for check in report.checks] == [CheckVerdict.FAILED]


async def test_the_versioned_dialect_is_probed_by_its_own_reads(clock: SteppedClock) -> None:
    denied = refusal(403, "forbidden", "Forbidden")
    answers = {
        "/api/v2/flows": reply(body={"entities": []}, headers=DATE),
        "/api/v2/jobs/00000000-0000-4000-8000-000000000000": denied,
    }
    platform = VersionedPlatform(script(_routes(answers)).transport(clock, ONCE))
    report = await preflight(platform, ["observe", "switch", "debug"])
    assert report.missing_permissions == ("job:read",)
    assert "scopes" in (_check(report, "permissions").hint or "")
    assert report.unproven_permissions == ("flow:debug", "routing:flow:write")
    assert report.rate_limit_per_minute == 300


async def test_an_organisation_that_tells_its_id_is_named_by_it(
    simulator: Simulator, organization: ArchitectPlatform
) -> None:
    identity = _check(await preflight(organization, ["observe"]), "identity")
    assert identity.verdict is CheckVerdict.OK
    assert simulator.organization.id in identity.message


@pytest.mark.parametrize("answer", [refusal(403, "not.authorized", "No."), reply(body={"organization": None})])
async def test_a_client_that_may_not_read_its_organisation_is_warned(
    clock: SteppedClock, answer: httpx.Response
) -> None:
    report = await _architect(clock, {"/api/v2/tokens/me": answer}, "observe")
    assert _check(report, "identity").verdict is CheckVerdict.WARNING
    assert "tokens/me" in (_check(report, "identity").hint or "")


async def test_a_dialect_that_tells_no_id_is_unknown_and_says_what_follows(clock: SteppedClock) -> None:
    answers = {"/api/v2/flows": reply(body={"entities": []}, headers=DATE)}
    report = await preflight(VersionedPlatform(script(_routes(answers)).transport(clock, ONCE)), ["observe"])
    assert _check(report, "identity").verdict is CheckVerdict.UNKNOWN
    assert "two clients count as two" in _check(report, "identity").message


async def test_an_unknown_operation_is_a_mistake_of_the_caller(organization: ArchitectPlatform) -> None:
    with pytest.raises(KeyError):
        await preflight(organization, ["fly"])


@pytest.mark.parametrize("dialect", ["architect", "versioned"])
def test_every_operation_has_its_permissions(dialect: str) -> None:
    for operation, calls in OPERATIONS[dialect].items():
        assert calls, operation
        assert set(calls) <= set(PERMISSIONS[dialect])
    assert permissions_needed(dialect, []) == frozenset()


def test_permissions_of_several_operations_are_put_together() -> None:
    assert permissions_needed("architect", ["observe", "unlock"]) == {"architect:flow:view", "architect:flow:unlock"}
    assert permissions_needed("versioned", ["switch"]) == {"routing:flow:write"}
