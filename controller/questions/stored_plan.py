"""Tells the plan that the last pass made, as the store keeps it: in the form of `penstock.plan/v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from controller.domain.desired import Origin
from controller.domain.identity import FlowKey
from controller.domain.recorded import commit_or_none
from controller.graphs.model import Unanswered
from controller.planning.rendering.document_model import (
    ChangeDocument,
    MissingResourceDocument,
    OrganizationPlanDocument,
    PlanDocument,
)
from controller.store.views import OrganizationView

_PLAN: TypeAdapter[OrganizationPlanDocument] = TypeAdapter(OrganizationPlanDocument)
_CHANGE: TypeAdapter[ChangeDocument] = TypeAdapter(ChangeDocument)
_MISSING: TypeAdapter[list[MissingResourceDocument]] = TypeAdapter(list[MissingResourceDocument])


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


def missing_resources(plan: Mapping[str, Any] | None) -> tuple[Unanswered, ...]:
    """The resources that the organisation lacks according to a stored plan, in order, as parts of a graph."""
    return tuple(
        sorted(
            _unanswered(str(FlowKey(change["type"], change["name"])), each)
            for change in (plan or {}).get("changes", ())
            for each in _MISSING.validate_python(change.get("missing_resources") or [])
        )
    )


def _unanswered(consumer: str, missing: MissingResourceDocument) -> Unanswered:
    name = f"{missing.name}: {', '.join(missing.parts)}" if missing.parts else missing.name
    origin = None
    if missing.file is not None and missing.line is not None and missing.column is not None:
        origin = str(Origin(missing.file, missing.line, missing.column))
    return Unanswered(consumer, name, (missing.kind,), missing.path, origin=origin, close=missing.close)
