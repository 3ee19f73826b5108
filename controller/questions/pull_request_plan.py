"""The plan of a branch against its base, as a pull request needs it.

It reads git and the organisations of the base, and changes nothing. Nothing of the branch is run, and the branch does
not decide where requests or credentials go: see `reconcile.branch`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import LeaseHeld
from controller.domain.platform import Priority
from controller.planning.base_view import against_base
from controller.planning.model import Plan, Unplanned
from controller.questions.refusals import with_refusals
from controller.reconcile import steps
from controller.reconcile.branch import Branch, OrganizationOnBranch
from controller.reconcile.listing import Listing
from controller.reconcile.pass_ import CheckedOut, Listener, Located, PassRequest, Unwatched
from controller.reconcile.services import Services


@dataclass(frozen=True, slots=True)
class BranchRequest:
    """How a branch is planned."""

    retry: bool = False
    """Plan quarantined content again."""
    priority: Priority = Priority.OBSERVE
    """The turn of its requests where the budget of an organisation is short."""
    listener: Listener = field(default_factory=Unwatched)


@dataclass(frozen=True, slots=True)
class BranchFailure:
    """Why an organisation's plan could not be made."""

    organization: str
    error: PenstockError


@dataclass(frozen=True, slots=True)
class BranchPlan:
    """The plans of a branch, one for each organisation that both sides describe, by name."""

    branch: Branch
    plans: tuple[Plan, ...]
    """The full plan of the head for each organisation, with the refusals of an `apply` at this moment, except that
    another pass is running. `view` is the part that the branch causes; it counts the changes that the base has as well.
    `digest` is that of the full plan: the one that an approval after the merge has to name, unless the branch changes
    the manifest of the organisation (`view.policy`) or the live state moves. `revision` is the branch's own commit,
    `view.revision` the base's."""
    unplanned: tuple[Unplanned, ...]
    """Organisations that the branch adds or removes, or moves to another api: no request is sent for them."""
    failures: tuple[BranchFailure, ...]
    """Organisations that could not be read; the others have their plans all the same."""

    def organization(self, name: str) -> Organization:
        """The organisation that was planned: endpoint, credentials and policy of the base, flows of the branch.

        `comparisons.differences` takes it. Raises KeyError for an organisation without a plan.
        """
        return {each.name: each.head for each in self.branch.organizations if each.head is not None}[name]


async def plan_against_base(services: Services, branch: Branch, request: BranchRequest | None = None) -> BranchPlan:
    """Plan what a branch changes. `reconcile.branch.open_branch` reads the branch.

    Each organisation is observed once, with endpoint, credentials, scopes and policy of the base; base and head are
    planned from that observation. Gates are not called. The errors of an organisation are in `failures`, so this raises
    none of its own. The caller closes the services.
    """
    plans: list[Plan] = []
    unplanned: list[Unplanned] = []
    failures: list[BranchFailure] = []
    for each in branch.organizations:
        if each.base is None or each.head is None:
            unplanned.append(Unplanned(each.name, each.reason))
            continue
        try:
            plans.append(await _planned(services, branch, each, request or BranchRequest()))
        except PenstockError as error:
            failures.append(BranchFailure(each.name, error))
    return BranchPlan(branch, tuple(plans), tuple(unplanned), tuple(failures))


async def _planned(services: Services, branch: Branch, each: OrganizationOnBranch, request: BranchRequest) -> Plan:
    if each.head is None:
        raise AssertionError("only organisations of both sides are planned")
    at = await _located(services, branch, each.name, request)
    listing = await steps.list_flows(at, full=True)
    before = await _plan_of(at, listing)
    after = await _plan_of(replace(at, organization=each.head, workspace=branch.head), listing)
    return against_base(after, before, branch.base_ref, each.changed)


async def _located(services: Services, branch: Branch, name: str, request: BranchRequest) -> Located:
    """The organisation of the base, connected."""
    out = CheckedOut(
        request=PassRequest(name, retry=request.retry),
        services=services,
        listener=request.listener,
        workspace=branch.base,
        author=None,
        look=await steps.read_branches(branch.base, name),
    )
    at = await steps.locate(out)
    return replace(at, platform=at.platform.at(request.priority))


async def _plan_of(at: Located, listing: Listing) -> Plan:
    plan = await steps.plan(at, await steps.observe_listed(at, listing))
    refused = with_refusals(plan, at.organization, at.services, dirty=())
    # A pass that is running now ends long before the branch is merged.
    return replace(refused, held_back=tuple(each for each in refused.held_back if each.code != LeaseHeld.code))
