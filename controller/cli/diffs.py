"""From what was asked for on the command line to comparisons of flows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from controller.cli.bars import progress_bar
from controller.cli.running import opened_services, tell_uncommitted
from controller.domain.desired import Organization
from controller.domain.errors import SettingsInvalid
from controller.planning import Plan
from controller.questions.comparison import FlowComparison
from controller.questions.comparisons import (
    VersionRange,
    against_live,
    between_organizations,
    between_versions,
    differences,
)
from controller.reconcile import PassRequest, Services, Workspace, load_settings, open_folder, run_pass


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """What was asked for."""

    folder: Path
    flow: str | None = None
    organizations: tuple[str, ...] = ()
    versions: tuple[str | None, str | None] = (None, None)
    between: tuple[str | None, str | None] = (None, None)
    everything: bool = False

    @property
    def of_versions(self) -> bool:
        return any(self.versions)

    @property
    def of_organizations(self) -> bool:
        return any(self.between)

    def check(self) -> None:
        """Raise SettingsInvalid for questions that do not go together."""
        if self.of_versions and self.of_organizations:
            raise SettingsInvalid("versions of one organisation, or two organisations: not both at once")
        if self.of_organizations and not all(self.between):
            raise SettingsInvalid("two organisations are compared", hint="give both --from and --to")
        if self.of_organizations and self.organizations:
            raise SettingsInvalid("--from and --to name the organisations already", hint="leave --organization out")
        if self.of_versions and self.flow is None:
            raise SettingsInvalid("the versions of which flow?", hint="penstock diff FLOW --from-version 3.0")


def compare(request: DiffRequest) -> list[FlowComparison]:
    """Read what the request needs and compare."""
    request.check()
    settings = load_settings()
    only = tuple(each for each in request.between if each) or request.organizations
    workspace = open_folder(request.folder, settings, only)
    tell_uncommitted(workspace)
    with opened_services(settings) as services:
        return asyncio.run(_compare(request, workspace, services))


def plan_differences(workspace: Workspace, services: Services, plans: list[Plan]) -> list[FlowComparison]:
    """What the changes of these plans change; closes the connections."""
    return asyncio.run(_of_plans(workspace, services, plans))


async def _of_plans(workspace: Workspace, services: Services, plans: list[Plan]) -> list[FlowComparison]:
    found: list[FlowComparison] = []
    try:
        with progress_bar("comparing flows") as advance:
            for plan in plans:
                organization = workspace.organization(plan.organization)
                found += await differences(services, organization, plan, advance)
    finally:
        await services.disconnect()
    return found


async def _compare(request: DiffRequest, workspace: Workspace, services: Services) -> list[FlowComparison]:
    said = (request.flow,) if request.flow is not None else ()
    try:
        with progress_bar("comparing flows") as advance:
            if request.of_organizations:
                one, other = (workspace.organization(name or "") for name in request.between)
                return await between_organizations(services, one, other, said, advance)
            if request.of_versions and request.flow is not None:
                versions = VersionRange(*request.versions)
                return [await between_versions(services, _only(workspace), request.flow, versions)]
            if said:
                return await against_live(services, _only(workspace), said, advance)
            found: list[FlowComparison] = []
            for organization in workspace.desired.organizations:
                if request.everything:
                    found += await against_live(services, organization, (), advance)
                else:
                    plan = await _plan(workspace, services, organization)
                    found += await differences(services, organization, plan, advance)
            return found
    finally:
        await services.disconnect()


async def _plan(workspace: Workspace, services: Services, organization: Organization) -> Plan:
    async def source() -> Workspace:
        return workspace

    report = await run_pass(PassRequest(organization.name, trigger="diff"), services, source)
    return report.plan_or_raise()


def _only(workspace: Workspace) -> Organization:
    organizations = workspace.desired.organizations
    if len(organizations) != 1:
        names = ", ".join(each.name for each in organizations) or "none"
        raise SettingsInvalid(
            f"a flow is of one organisation, and the manifests describe {names}",
            hint="choose one with --organization",
        )
    return organizations[0]
