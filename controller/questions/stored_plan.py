"""Tells the plan that the last pass made, as the store keeps it: in the form of `penstock.plan/v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from controller.domain.recorded import commit_or_none
from controller.planning.rendering.document_model import ChangeDocument, OrganizationPlanDocument, PlanDocument
from controller.store.views import OrganizationView

_PLAN: TypeAdapter[OrganizationPlanDocument] = TypeAdapter(OrganizationPlanDocument)
_CHANGE: TypeAdapter[ChangeDocument] = TypeAdapter(ChangeDocument)


def plan_now(view: OrganizationView) -> PlanDocument | None:
    """The plan of an organisation; None where the last pass could not make one."""
    if view.plan is None:
        return None
    plan = _PLAN.validate_python(view.plan)
    return PlanDocument(digest=plan.digest, revision=commit_or_none(view.revision), organizations=[plan])


def change_of(plan: Mapping[str, Any] | None, flow: str) -> ChangeDocument | None:
    """The change that a stored plan has for a flow; None where it is in sync."""
    found = next((each for each in (plan or {}).get("changes", ()) if each["flow"] == flow), None)
    return None if found is None else _CHANGE.validate_python(found)
