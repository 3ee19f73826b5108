"""What keeps all or a part of a plan from being carried out at this very moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controller.domain.desired import Organization
from controller.domain.errors import PenstockError
from controller.planning import Confirmations, Plan, guard
from controller.store import Store


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Why, and the way out."""

    flow: str | None
    """The change that is left out; None where nothing of the plan is carried out."""
    code: str
    message: str
    hint: str | None

    @classmethod
    def of(cls, error: PenstockError) -> HeldBack:
        """Why nothing of the plan is carried out."""
        return cls(None, error.code, error.message, error.hint)

    def __str__(self) -> str:
        what = "apply would be refused now" if self.flow is None else f"apply would leave out {self.flow} now"
        way_out = f"; {self.hint}" if self.hint else ""
        return f"{what}: {self.message}{way_out} [{self.code}]"


def held_back_now(plan: Plan, organization: Organization, store: Store, now: datetime) -> tuple[HeldBack, ...]:
    """A closed window, a limit, an approval that is missing; or the removals that nobody confirmed.

    What blocks a change whoever asks is in the plan itself. Raises StoreFailed.
    """
    approved = store.approvals.of(plan.organization, plan.digest)
    said = Confirmations(approved_digest=plan.digest if approved else None)
    try:
        allowed = guard(plan, organization, now, said)
    except PenstockError as error:
        return (HeldBack.of(error),)
    return tuple(
        HeldBack(after.flow, after.blocked.code, after.blocked.message, None)
        for before, after in zip(plan.changes, allowed.changes, strict=True)
        if after.blocked is not None and before.blocked is None
    )
