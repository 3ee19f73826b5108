"""The question before `apply` changes anything: which organisation, where it is, and how much is changed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace

import typer

from controller.cli.running import run_passes
from controller.domain.desired import Organization
from controller.domain.errors import NotConfirmed, PenstockError
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.planning import Plan, plan_text
from controller.planning.limits import deliverable
from controller.questions.held_back import with_held_back
from controller.reconcile import Mode, PassRequest, Services, Workspace


def asks() -> bool:
    """Whether somebody is there to answer: without a terminal nobody is asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agreed(workspace: Workspace, requests: Sequence[PassRequest], services: Services) -> list[PassRequest]:
    """The passes that a person agreed to after seeing their plans; each carries out just the plan that was shown.

    What has no plan, or nothing to change, is not asked about. Raises NotConfirmed for a no.
    """
    looks = [replace(request, mode=Mode.PLAN, expected_digest=None) for request in requests]
    plans = {
        report.organization: report.plan for report in run_passes(workspace, looks, services) if report.plan is not None
    }
    found: list[PassRequest] = []
    for request in requests:
        plan = plans.get(request.organization)
        if plan is None or not (deliverable(plan) or plan.under_way):
            found.append(request)
            continue
        organization = workspace.organization(request.organization)
        shown = with_held_back(plan, organization, services, workspace.dirty)
        print(plan_text([shown], color=False), end="", file=sys.stderr)
        own_name = asyncio.run(_own_name(organization, services))
        if not typer.confirm(_question(plan, organization, own_name), err=True):
            raise NotConfirmed(
                f"{organization.name}: nobody agreed to it; nothing was changed", hint="answer y, or --yes"
            )
        # A delivery that is not at its end is gone on with first, and makes another plan.
        digest = None if plan.under_way else plan.digest
        found.append(replace(request, expected_digest=request.expected_digest or digest))
    return found


async def _own_name(organization: Organization, services: Services) -> str | None:
    """What the organisation calls itself; None where it, or this client, does not tell."""
    try:
        return await services.platform(organization).organization_name()
    except PenstockError:
        return None  # only words for people: what is in the way shows in the delivery
    finally:
        await services.disconnect()


def _question(plan: Plan, organization: Organization, own_name: str | None) -> str:
    count = len(deliverable(plan))
    own = f" ({own_name})" if own_name else ""
    where = organization.endpoint.region or organization.endpoint.api_url
    return visible(f"Apply {counted(count, 'change')} to {organization.name}{own} in {where}?")
