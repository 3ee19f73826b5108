"""The file of a plan that `plan --out` wrote. Its digests decide whether it is stale; the changes in it say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.domain.errors.delivery import PlanStale, PlanUnreadable
from controller.planning.model import ChangeKind, Plan
from controller.planning.rendering.document import plan_document
from controller.planning.rendering.document_model import ChangeDocument, OrganizationPlanDocument, PlanDocument
from controller.planning.rendering.saved import FROM_THE_OPERATOR, SavedPlanLimits, saved_document

_SHOWN = 5
_REFRESH = "make a new one with `penstock plan --out FILE`, look at it, and apply that"
Changes = Mapping[str, ChangeDocument]
"""The acting changes of one organisation by `flow`."""


def read_plan_file(path: Path, limits: SavedPlanLimits) -> PlanDocument:
    """The plan in the file, of which no more is read than the limits allow. Raises PlanUnreadable."""
    try:
        with path.open("rb") as file:
            content = file.read(limits.length + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file has such a name"
        raise PlanUnreadable(f"{path} cannot be read: {reason}") from error
    return saved_document(content, str(path), limits)


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The plan of each organisation, as it was saved."""

    path: Path
    digests: Mapping[str, str]
    changes: Mapping[str, Changes]

    def require(self, organizations: Iterable[str]) -> None:
        """Raises PlanStale when the plan lacks an organisation that is to be delivered."""
        unknown = [name for name in organizations if name not in self.digests]
        if unknown:
            known = ", ".join(self.digests) or "no organisation"
            raise PlanStale(
                f"{self.path} holds no plan for {', '.join(unknown)}; it is for {known}",
                hint=f"choose with --organization, or {_REFRESH}",
            )

    def way_out(self, plan: Plan) -> str:
        """How the plan that is made now differs, and the next step."""
        [now] = plan_document([plan]).organizations
        moved = _moved(self.changes.get(plan.organization, {}), _acting(now))
        shown = moved[:_SHOWN] + ([f"and {len(moved) - _SHOWN} more"] if len(moved) > _SHOWN else [])
        since = "; ".join(shown) or "its changes are the same, but the policy or the state behind them is not"
        return f"since it was saved: {since}; {_REFRESH}"


def read_saved_plan(path: Path) -> SavedPlan:
    """Raises PlanUnreadable when the file is not a plan."""
    document = read_plan_file(path, FROM_THE_OPERATOR)
    digests = {each.name: each.digest for each in document.organizations}
    return SavedPlan(path, digests, {each.name: _acting(each) for each in document.organizations})


def _acting(each: OrganizationPlanDocument) -> Changes:
    return {change.flow: change for change in each.changes if change.change is not ChangeKind.NONE}


def _moved(before: Changes, now: Changes) -> list[str]:
    return [words for flow in sorted({*before, *now}) if (words := _words(flow, before.get(flow), now.get(flow)))]


def _words(flow: str, before: ChangeDocument | None, now: ChangeDocument | None) -> str:
    if before is None:
        return f"{flow}: {now.change} is new" if now else ""
    if now is None:
        return f"{flow}: {before.change} is no longer planned"
    if before.change is not now.change:
        return f"{flow}: {now.change} instead of {before.change}"
    if before.from_version != now.from_version:
        return f"{flow}: {now.from_version or 'nothing'} is live, {before.from_version or 'nothing'} was"
    if before.to_version != now.to_version:
        return f"{flow}: {now.to_version or 'nothing'} is wanted, {before.to_version or 'nothing'} was"
    if before.blocked != now.blocked:
        return f"{flow}: {'blocked now' if now.blocked else 'not blocked any more'}"
    same = before.dependency_digest == now.dependency_digest
    return "" if same else f"{flow}: its content, or a flow that it consumes, changed"
