"""The question before `apply` changes anything: which organisation, where it is, and how many changes."""

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


def confirmed(workspace: Workspace, requests: Sequence[PassRequest], services: Services) -> list[PassRequest]:
    """The passes that a person confirmed after seeing their plans; each carries out the plan that was shown.

    A pass without a plan, or with nothing to change, needs no confirmation. Raises NotConfirmed for a no.
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
            raise NotConfirmed(f"{organization.name}: not confirmed; nothing was changed", hint="answer y, or --yes")
        # An unfinished delivery is resumed first, and that makes another plan.
        digest = None if plan.under_way else plan.digest
        found.append(replace(request, expected_digest=request.expected_digest or digest))
    return found


async def _own_name(organization: Organization, services: Services) -> str | None:
    """The organisation's own name; None where this client may not read it."""
    try:
        return await services.platform(organization).organization_name()
    except PenstockError:
        return None  # the name is only shown: the delivery reports what is wrong
    finally:
        await services.disconnect()


def _question(plan: Plan, organization: Organization, own_name: str | None) -> str:
    count = len(deliverable(plan))
    own = f" ({own_name})" if own_name else ""
    where = organization.endpoint.region or organization.endpoint.api_url
    return visible(f"Apply {counted(count, 'change')} to {organization.name}{own} in {where}?")
