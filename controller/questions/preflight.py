"""Limits a preflight to the operations that the manifests of a repository need."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from controller.delivery.gates.http import passes_by_proxy
from controller.domain.capabilities import ARCHITECT
from controller.domain.desired import (
    ErrorRateGate,
    ExecutionGate,
    HttpGate,
    OnLocked,
    OnNoData,
    Organization,
    SourceFile,
)
from controller.domain.errors.process import SettingsInvalid
from controller.genesys.permissions import permissions_needed
from controller.genesys.preflight import Check, CheckVerdict, PreflightReport, preflight
from controller.questions.flow_needs import need_checks
from controller.reconcile.services import Services


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
