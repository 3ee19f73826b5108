"""Each predicate of a step's state holds for exactly these states; an unknown one would be no good one."""

from __future__ import annotations

import pytest

from controller.domain.status import StepCause, StepState

PREDICATES = {
    "not_started": "pending validated",
    "idle": "pending skipped",
    "in_flight": "validated publishing live baking rolling-back",
    "moving": "publishing rolling-back",
    "changes_live": "pending validated publishing rolling-back",
    "watched": "live baking",
    "unjudged": "publishing live baking",
    "delivered": "healthy exported recorded",
    "to_record": "healthy exported",
    "live_unrecorded": "live baking healthy exported",
    "going_back": "rolling-back rolled-back rollback-failed",
    "final": "recorded skipped rolled-back rollback-failed",
}


@pytest.mark.parametrize("name", PREDICATES)
def test_a_predicate_holds_for_its_states_alone(name: str) -> None:
    assert {state.value for state in StepState if getattr(state, name)} == set(PREDICATES[name].split())


def test_nothing_failed_where_somebody_asked() -> None:
    assert [cause for cause in StepCause if cause.asked_for] == [StepCause.ON_REQUEST, StepCause.SUPERSEDED]
