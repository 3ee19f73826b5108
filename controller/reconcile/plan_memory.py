"""Remembers the last plan of each organisation: a plan from the same inputs is the same plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from controller.domain.desired import Organization
from controller.domain.live import LiveState
from controller.domain.recorded import RecordedState
from controller.planning.inputs import PlanInputs
from controller.planning.model import Plan
from controller.planning.plan import make_plan

_NO_TIME = datetime.min.replace(tzinfo=UTC)
"""No plan depends on the time of the observation."""


@dataclass(frozen=True, slots=True)
class _Made:
    organization: Organization
    live: LiveState
    recorded: RecordedState
    inputs: PlanInputs
    plan: Plan


class PlanMemory:
    """The plans of one process: for each organisation one with its resources, and one without.

    To compare the inputs takes a hundredth of planning.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, bool], _Made] = {}

    def plan(self, organization: Organization, live: LiveState, recorded: RecordedState, inputs: PlanInputs) -> Plan:
        """The plan of `make_plan`, made only where anything differs from the last time.

        Another reading of the same manifests makes it again: a plan holds the sources that it was made from.
        """
        live = replace(live, observed_at=_NO_TIME)
        place = organization.name, bool(live.resources)
        last = self._last.get(place)
        if last is not None and last.organization is organization and _same(last, live, recorded, inputs):
            return last.plan
        plan = make_plan(organization, live, recorded, inputs)
        self._last[place] = _Made(organization, live, recorded, inputs, plan)
        return plan


def _same(last: _Made, live: LiveState, recorded: RecordedState, inputs: PlanInputs) -> bool:
    return (last.live, last.recorded, last.inputs) == (live, recorded, inputs)
