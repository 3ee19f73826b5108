"""What a page shows of one organisation: its plan, and what callers of this package found out beside it."""

from __future__ import annotations

from dataclasses import dataclass

from controller.planning.model import ChangeKind, Plan

MOST_ENTRIES = 100
"""Differences of one flow that a comment shows and a saved plan keeps."""


@dataclass(frozen=True, slots=True)
class FlowDifference:
    """The differences inside one flow. All texts are on one line, without secrets, and not escaped."""

    flow: str
    places: str
    """The two sides: `3.0 -> flows/greeting.yaml`."""
    entries: tuple[tuple[str, str], ...]
    """Sign and text of each difference; the sign `!` precedes a reason why there is no comparison."""
    more: int = 0
    """Further differences that are not in `entries`."""


@dataclass(frozen=True, slots=True)
class PlanView:
    """One organisation's plan with everything that a page shows about it."""

    plan: Plan
    differences: tuple[FlowDifference, ...] | None = None
    """None where no flow was compared."""
    order: str = ""
    """A Mermaid flowchart of the order; empty where there is none to show."""

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to tell except that nothing is done."""
        plan = self.plan
        besides = (plan.held_back, plan.shown_drift, plan.cycles, plan.warnings, plan.suspended, plan.under_way)
        return not plan.shown and not any(besides) and (plan.view is None or plan.view.empty)


IMPORTANCE = {
    kind: place
    for place, kind in enumerate(
        (
            ChangeKind.NONE,
            ChangeKind.ADOPT,
            ChangeKind.REPUBLISH,
            ChangeKind.CREATE,
            ChangeKind.PUBLISH,
            ChangeKind.RENAME,
            ChangeKind.SWITCH,
            ChangeKind.RESTORE,
            ChangeKind.UNPUBLISH,
            ChangeKind.DELETE,
        )
    )
}
"""How much a change matters to a reviewer: a removal matters most, a change that only records least."""
