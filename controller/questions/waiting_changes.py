"""Tells which changes of a running delivery have not begun, and for which others each waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from controller.domain.status import StepState
from controller.questions.live_document import WaitingChangeDocument
from controller.store.running import ENDED, PlannedChange

_DONE: Final = ENDED | {StepState.HEALTHY.value}
"""States of a change for which no other one waits any more."""


def waiting_changes(planned: Sequence[PlannedChange], states: Mapping[str, str]) -> list[WaitingChangeDocument]:
    """The changes that have not begun, in the order of the plan; `states` are those of the others, by flow."""
    open_ones = {each.flow for each in planned if states.get(each.flow) not in _DONE}
    return [
        WaitingChangeDocument(
            flow=each.flow,
            kind=each.kind,
            wave=each.wave,
            waits_for=[flow for flow in each.depends_on if flow in open_ones],
        )
        for each in planned
        if each.flow not in states
    ]
