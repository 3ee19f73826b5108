"""`penstock diff`: what changed, in Architect's words."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.comparison_output import comparisons_text, readiness_text
from controller.cli.options import FolderOption, Format, Organizations, Out, TextOrJson
from controller.cli.output import output_to
from controller.cli.progress_bars import progress_bar
from controller.cli.running import answer, opened_services
from controller.cli.screen import screen_of
from controller.cli.workspace import only_organization, opened_workspace
from controller.domain.desired import Organization
from controller.domain.documents import json_text
from controller.domain.errors.process import SettingsInvalid
from controller.planning.model import Plan
from controller.planning.rendering.layout import LOG
from controller.questions.comparison_document import comparisons_document, readiness_document
from controller.questions.comparisons import (
    VersionRange,
    against_live,
    between_organizations,
    between_versions,
    differences,
)
from controller.questions.flow_comparison import FlowComparison
from controller.questions.promotion import readiness
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings, load_settings
from controller.reconcile.workspace import Workspace

_RESOURCES = "penstock diff --resources --from test --to production"


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """The command line of `penstock diff`."""

    flow: Annotated[
        str | None, typer.Argument(metavar="FLOW", help="metadata.name, type/name or name; all by default.")
    ] = None
    folder: FolderOption = Path()
    organization: Organizations = None
    from_version: Annotated[
        str | None, typer.Option("--from-version", help="Compare versions: the older; the published one by default.")
    ] = None
    to_version: Annotated[
        str | None, typer.Option("--to-version", help="Compare versions: the newer; the published one by default.")
    ] = None
    from_organization: Annotated[
        str | None, typer.Option("--from", metavar="ORGANIZATION", help="Compare the live flows of two organisations.")
    ] = None
    to_organization: Annotated[
        str | None, typer.Option("--to", metavar="ORGANIZATION", help="The other organisation.")
    ] = None
    everything: Annotated[
        bool, typer.Option("--all", help="Compare flows in sync, too, and list those without differences.")
    ] = False
    resources: Annotated[
        bool,
        typer.Option("--resources", help="With --from and --to: what the flow files need and the other one lacks."),
    ] = False
    output: Format = TextOrJson.TEXT
    out: Out = None
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 2 when there are differences.")
    ] = False

    @property
    def organizations(self) -> list[str]:
        """The organisations that are compared; none given means all."""
        return [each for each in (self.from_organization, self.to_organization) if each]

    def check(self) -> None:
        """Raise SettingsInvalid for options that contradict each other."""
        of_versions = bool(self.from_version or self.to_version)
        if of_versions and self.organizations:
            raise SettingsInvalid("versions of one organisation, or two organisations: not both at once")
        if len(self.organizations) == 1:
            raise SettingsInvalid("two organisations are compared", hint="give both --from and --to")
        if self.resources and (len(self.organizations) != 2 or self.flow is not None or self.everything):
            raise SettingsInvalid("--resources compares all flow files with two organisations", hint=_RESOURCES)
        if self.organizations and self.organization:
            raise SettingsInvalid("--from and --to name the organisations already", hint="leave --organization out")
        if of_versions and self.flow is None:
            raise SettingsInvalid("the versions need a flow", hint="penstock diff FLOW --from-version 3.0")


def diff(options: DiffOptions) -> int:
    """Compare and show; 1 when a flow could not be compared, 2 for differences where that was asked for."""
    options.check()
    settings = load_settings()
    workspace = opened_workspace(options.folder, settings, options.organizations or options.organization)
    if options.resources:
        return _readiness(options, workspace, settings)
    with opened_services(settings) as services:
        found = answer(services, _compared(options, workspace, services))
    with output_to(options.out) as write:
        if options.output is TextOrJson.JSON:
            write(json_text(comparisons_document(found)) + "\n")
        else:
            screen = LOG if options.out is not None else screen_of(sys.stdout)
            write(comparisons_text(found, everything=options.everything or options.flow is not None, screen=screen))
    if any(each.different is None for each in found):
        return exit_codes.ERROR
    different = any(each.different for each in found)
    return exit_codes.CHANGES if options.detailed_exitcode and different else exit_codes.DONE


def _readiness(options: DiffOptions, workspace: Workspace, settings: Settings) -> int:
    """What the second organisation lacks; 1 when a kind could not be read, 2 for lacks where that was asked for."""
    one, other = (workspace.organization(name) for name in options.organizations)
    with opened_services(settings) as services:
        found = answer(services, readiness(services, one, other))
    with output_to(options.out) as write:
        if options.output is TextOrJson.JSON:
            write(json_text(readiness_document(found)) + "\n")
        else:
            write(readiness_text(found, LOG if options.out is not None else screen_of(sys.stdout)))
    if found.unknown:
        return exit_codes.ERROR
    return exit_codes.CHANGES if options.detailed_exitcode and found.lacked else exit_codes.DONE


async def _compared(options: DiffOptions, workspace: Workspace, services: Services) -> list[FlowComparison]:
    said = (options.flow,) if options.flow is not None else ()
    with progress_bar("comparing flows") as advance:
        if options.organizations:
            one, other = (workspace.organization(name) for name in options.organizations)
            return await between_organizations(services, one, other, said, advance)
        if options.flow is not None:
            organization = only_organization(workspace, "a comparison of one flow")
            if options.from_version or options.to_version:
                versions = VersionRange(options.from_version, options.to_version)
                return [await between_versions(services, organization, options.flow, versions)]
            return await against_live(services, organization, said, advance)
        found: list[FlowComparison] = []
        for organization in workspace.desired.organizations:
            if options.everything:
                found += await against_live(services, organization, (), advance)
            else:
                plan = await _plan(workspace, services, organization)
                found += await differences(services, organization, plan, advance)
        return found


async def _plan(workspace: Workspace, services: Services, organization: Organization) -> Plan:
    async def source() -> Workspace:
        return workspace

    report = await run_pass(PassRequest(organization.name, trigger="diff"), services, source)
    return report.plan_or_raise()
