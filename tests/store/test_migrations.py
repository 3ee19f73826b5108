"""A journal that an older version wrote tells the same after the store was opened by this one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from controller.domain.status import StepCause, StepState
from controller.store.engine import create_engine
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.history import as_given, migrate

FAILURE, ON_REQUEST, SUPERSEDED, INTERRUPTED = StepCause
LOST_CODE = "desk failed: server-fault: the organisation answers 503"
WITHOUT_RECORD = "an earlier run of the controller began to roll back"
PINNED = "on request: git asks for something else than 3.0, which no gate had judged"
Told = tuple[StepCause | None, str | None, bool]
NOTHING: Told = (None, None, False)


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        (StepState.BAKING, None, NOTHING),
        (StepState.BAKING, "gate errorRate: 0 of 0 executions failed", (None, None, True)),
        (StepState.FAILED, "gate-failed: desk: gate http: fail: 500", (None, "gate-failed", False)),
        (StepState.FAILED, "Desk: no code: at all", NOTHING),
        (StepState.ROLLING_BACK, "gate-failed: desk: gate http: fail: 500", (FAILURE, "gate-failed", False)),
        (StepState.ROLLING_BACK, "desk, hours failed: publish-failed: no prompt", (FAILURE, "publish-failed", False)),
        (StepState.ROLLED_BACK, LOST_CODE, (FAILURE, None, False)),
        (StepState.ROLLBACK_FAILED, WITHOUT_RECORD, (FAILURE, None, False)),
        (StepState.ROLLED_BACK, "on request: ada asked for what was live before", (ON_REQUEST, None, False)),
        (StepState.ROLLBACK_FAILED, PINNED, (SUPERSEDED, None, False)),
        (StepState.SKIPPED, "the controller stopped before it began", (INTERRUPTED, None, False)),
        (StepState.SKIPPED, "the controller was told to stop before it began", (INTERRUPTED, None, False)),
        (StepState.SKIPPED, "it depends on desk, which is failed", NOTHING),
        (StepState.RECORDED, "another version is live, so its export is not needed any more", NOTHING),
    ],
)
def test_what_a_reason_told_of_a_step_is_in_columns_of_its_own(
    empty_url: str, clock: SteppedClock, state: StepState, reason: str | None, told: Told
) -> None:
    _write_old_journal(empty_url, state, reason)
    with Store.open(empty_url, clock=clock) as store:
        (sync,) = store.journal.history("production")
    (step,) = sync.steps
    assert (step.state, step.reason) == (state, reason)
    assert (step.cause, step.error_code, step.paused) == told


def _write_old_journal(url: str, state: StepState, reason: str | None) -> None:
    engine = create_engine(url)
    now = datetime(2026, 1, 5, 13, tzinfo=UTC)
    with engine.begin() as connection:
        migrate(connection, "0005")
        sync = {
            "organization": "production",
            "revision": "abc123",
            "dirty": False,
            "plan_digest": "sha256:1",
            "on_failure": "rollback-all",
            "state": "running",
            "actor": "ada",
            "trigger": "manual",
            "started_at": now,
            "summary": {},
        }
        step = {
            "sync_id": 1,
            "position": 0,
            "flow": "desk",
            "type": "inboundcall",
            "name": "Desk",
            "kind": "publish",
            "wanted": "sha256:2",
            "dependency_digest": "",
            "consumes": [],
            "consumed": {},
            "state": state.value,
            "reason": reason,
            "updated_at": now,
        }
        connection.execute(sa.insert(as_given("syncs", list(sync))).values(sync))
        connection.execute(sa.insert(as_given("steps", list(step))).values(step))
    engine.dispose()
