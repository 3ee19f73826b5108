"""Limits a preflight to the operations that the manifests of a repository need, and checks what flow files need.

That is whether the organisation has their resources, and lets this client publish in their divisions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from controller.delivery.gates.http import passes_by_proxy
from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import (
    DesiredFlow,
    ErrorRateGate,
    ExecutionGate,
    HttpGate,
    OnLocked,
    OnNoData,
    Organization,
    SourceFile,
)
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid
from controller.domain.resources import ResourcePolicy
from controller.domain.wording import counted
from controller.genesys.permissions import permissions_needed
from controller.genesys.preflight import Check, CheckVerdict, PreflightReport, preflight
from controller.genesys.publish_rights import PUBLISH, PublishRights, publish_rights
from controller.planning.resources import WAY_OUT, missing_words, place_of, resources_of
from controller.questions.missing_resources import LookedUp, looked_up, missing_of_sources
from controller.reconcile.services import Services

_DIVISIONS = "divisions"
_RESOURCES = "resources"
_SHOWN = 5
_GRANT = f"grant the client's role with {PUBLISH} in these divisions, too"


def operations_needed(organization: Organization) -> tuple[str, ...]:
    """The operations (`genesys.permissions`) that a delivery of these manifests may make, sorted."""
    needed = {"observe", "versions", "references", "validate", "publish", "switch", "export"}
    gates = [gate for flow in organization.flows for gate in flow.gates]
    if any(isinstance(gate, ErrorRateGate) for gate in gates):
        needed.add("executions")
    if organization.dialect == ARCHITECT:
        needed |= _architect_operations(organization)
    return tuple(sorted(needed))


def _architect_operations(organization: Organization) -> set[str]:
    gates = [gate for flow in organization.flows for gate in flow.gates]
    probes = any(isinstance(gate, ErrorRateGate) and gate.on_no_data is OnNoData.PROBE for gate in gates)
    asked = {
        "identify": True,
        "history": True,
        "upload": any(isinstance(flow.source, SourceFile) for flow in organization.flows),
        organization.sync.removal.value: organization.sync.prune,
        "unlock": organization.on_locked is OnLocked.UNLOCK,
        "launch": probes or any(isinstance(gate, ExecutionGate) for gate in gates),
        "dependencies": True,
    }
    return {operation for operation, wanted in asked.items() if wanted}


async def preflight_organization(services: Services, organization: Organization) -> PreflightReport:
    """Check one organisation for the needs of its manifests. Missing credentials are a failed check."""
    operations = operations_needed(organization)
    try:
        platform = services.platform(organization)
    except SettingsInvalid as error:
        unproven = tuple(sorted(permissions_needed(organization.dialect, operations)))
        check = Check("credentials", CheckVerdict.FAILED, error.message, hint=error.hint)
        return PreflightReport(organization.dialect, (check,), unproven_permissions=unproven)
    report = await preflight(platform, operations, [flow.key for flow in organization.flows])
    needs = await need_checks(services, organization) if organization.dialect == ARCHITECT and _reached(report) else ()
    return replace(report, checks=(*report.checks, *needs, *_probe_checks(services, organization)))


def _reached(report: PreflightReport) -> bool:
    """Whether the organisation let the client in at all."""
    return report.checks[0].verdict is not CheckVerdict.FAILED


def _probe_checks(services: Services, organization: Organization) -> tuple[Check, ...]:
    """Problems of `http` gates that would otherwise appear only after a new version is live."""
    urls = {gate.url for flow in organization.flows for gate in flow.gates if isinstance(gate, HttpGate)}
    hosts = sorted({urlsplit(url).hostname or "" for url in urls if passes_by_proxy(url, services.settings.gate_hosts)})
    if not hosts:
        return ()
    message = f"{', '.join(hosts)} will be asked without the environment's proxy"
    hint = "where only the proxy leads there, the operator adds them to PENSTOCK_GATE_HOSTS"
    return (Check("http gates", CheckVerdict.WARNING, message, hint=hint),)


async def need_checks(services: Services, organization: Organization) -> tuple[Check, ...]:
    """A check of the resources, and one of the divisions; none where no flow file would be published."""
    flows = [flow for flow in organization.flows if isinstance(flow.source, SourceFile) and not flow.suspended]
    if not flows:
        return ()
    found = [await _told(_RESOURCES, _resources(services, organization, flows))]
    found.append(await _told(_DIVISIONS, _divisions(services, organization, flows)))
    return tuple(check for checks in found for check in checks)


async def _told(name: str, asked: Awaitable[Sequence[Check]]) -> Sequence[Check]:
    try:
        return await asked
    except PenstockError as error:
        return [Check(name, CheckVerdict.UNKNOWN, error.message, error.hint)]


async def _resources(services: Services, organization: Organization, flows: Sequence[DesiredFlow]) -> Sequence[Check]:
    if organization.resources is ResourcePolicy.IGNORE:
        return [Check(_RESOURCES, CheckVerdict.UNKNOWN, "spec.resources: ignore looks nothing up")]
    found = await looked_up(services, organization, (each for flow in flows for each in resources_of(flow)))
    return list(_resource_checks(found, organization, flows))


def _resource_checks(found: LookedUp, organization: Organization, flows: Sequence[DesiredFlow]) -> Iterator[Check]:
    missing = missing_of_sources(found, flows)
    needed = len({(each.kind, each.name) for flow in flows for each in resources_of(flow)})
    if missing:
        shown = [f"{flow.id} needs {missing_words(each, place_of(flow, each.reference))}" for flow, each in missing]
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        verdict = CheckVerdict.FAILED if organization.resources is ResourcePolicy.BLOCK else CheckVerdict.WARNING
        message = f"the organisation lacks what flows need: {', '.join(shown[:_SHOWN])}{more}"
        yield Check(_RESOURCES, verdict, message, WAY_OUT)
    elif not found.unknown and needed:
        yield Check(_RESOURCES, CheckVerdict.OK, f"nothing is missing of {counted(needed, 'resource')} that flows name")
    for words in (*found.unknown, *found.notes):
        yield Check(_RESOURCES, CheckVerdict.UNKNOWN, words)


async def _divisions(services: Services, organization: Organization, flows: Sequence[DesiredFlow]) -> Sequence[Check]:
    rights = await publish_rights(services.platform(organization))
    if rights.unknown is not None:
        message = f"where this client may publish cannot be told: {rights.unknown}"
        return [Check(_DIVISIONS, CheckVerdict.UNKNOWN, message)]
    lacking = sorted(_without_grant(rights, flows))
    if lacking:
        message = f"{PUBLISH} is not granted in {', '.join(lacking)}"
        return [Check(_DIVISIONS, CheckVerdict.FAILED, message, _GRANT)]
    return [Check(_DIVISIONS, CheckVerdict.OK, "this client may publish in the divisions that flow files name")]


def _without_grant(rights: PublishRights, flows: Sequence[DesiredFlow]) -> Iterator[str]:
    """`Sales (front, back)`: the divisions without a grant, with the flows that go there."""
    if rights.everywhere:
        return
    going: dict[str | None, list[str]] = {}
    for flow in flows:
        named = [each.name for each in resources_of(flow) if each.kind == "division"]
        going.setdefault(named[0] if named else None, []).append(flow.id)
    for division, ids in going.items():
        if division is None:
            if rights.home is False:
                yield f"the home division ({', '.join(sorted(ids))})"
        elif division not in rights.divisions:
            yield f"{division} ({', '.join(sorted(ids))})"
