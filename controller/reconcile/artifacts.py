"""From what a delivery brought about to the commit that records it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.delivery import Recovered, StepResult
from controller.domain.identity import FlowKey
from controller.domain.recorded import RecordedFlow
from controller.domain.status import StepState
from controller.planning import ChangeKind
from controller.reconcile.pass_ import Pass, have
from controller.repository import ArtifactCommit, FlowArtifact

_WORTH_RECORDING = (StepState.EXPORTED, StepState.HEALTHY)


def artifact_commit(pass_: Pass) -> ArtifactCommit | None:
    """The commit for everything that is live because of this pass; None when there is nothing to record."""
    result = have(pass_.result)
    return _commit(pass_, result.steps, result.sync_id)


def recovered_commit(pass_: Pass, resolved: Sequence[Recovered]) -> ArtifactCommit | None:
    """The commit for what an earlier process brought live and did not get to record."""
    steps = [each.step for each in resolved if each.step is not None]
    return _commit(pass_, steps, steps[0].sync_id if steps else "")
