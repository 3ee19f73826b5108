"""Makes the plans that `penstock plan` and `penstock comment` show: of a folder, or of a branch against its base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.cli.progress_bars import plan_bar
from controller.cli.running import answer, run_passes
from controller.cli.workspace import branch_of
from controller.domain.desired import Organization
from controller.planning.model import Plan, Unplanned
from controller.questions.pull_request_plan import BranchRequest, plan_against_base
from controller.questions.refusals import with_refusals
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.report import Failed
from controller.reconcile.services import Services
from controller.reconcile.workspace import open_folder


@dataclass(frozen=True, slots=True)
class PlanChoice:
    """What a command plans."""

    folder: Path
    organizations: tuple[str, ...] = ()
    """Empty for all."""
    base: str | None = None
    """The branch or commit to compare with; None for the whole plan."""
    retry: bool = False
    """Plan quarantined content again."""


@dataclass(frozen=True, slots=True)
class Planned:
    """All plans that a command made, and what prevented the others."""

    plans: Sequence[Plan]
    planned: Mapping[str, Organization]
    """The organisations by name, as they were planned."""
    described: Mapping[str, Organization]
    """The organisations by name that manifests describe, also those without a plan."""
    failed: Sequence[Failed] = ()
    unplanned: Sequence[Unplanned] = ()


def plans_of(choice: PlanChoice, services: Services) -> Planned:
    """The plans, each with the reasons that hold back a delivery at this moment."""
    return _of_folder(choice, services) if choice.base is None else _of_branch(choice, choice.base, services)


def _of_folder(choice: PlanChoice, services: Services) -> Planned:
    workspace = open_folder(choice.folder, services.settings, choice.organizations)
    organizations = {each.name: each for each in workspace.desired.organizations}
    requests = [PassRequest(name, retry=choice.retry) for name in organizations]
    with plan_bar() as listener:
        reports = run_passes(workspace, requests, services, listener)
    plans = [
        with_refusals(report.plan, organizations[report.organization], services, workspace.dirty, report.unpushed)
        for report in reports
        if report.plan is not None
    ]
    return Planned(plans, organizations, organizations, [report for report in reports if report.plan is None])


def _of_branch(choice: PlanChoice, base: str, services: Services) -> Planned:
    branch = branch_of(choice.folder, base, services.settings, choice.organizations)
    with plan_bar() as listener:
        request = BranchRequest(retry=choice.retry, listener=listener)
        made = answer(services, plan_against_base(services, branch, request))
    organizations = {each.organization: made.organization(each.organization) for each in made.plans}
    sides = (*made.branch.base.desired.organizations, *made.branch.head.desired.organizations)
    return Planned(made.plans, organizations, {each.name: each for each in sides}, made.failures, made.unplanned)
