"""A journal that an older version wrote tells the same after the store was opened by this one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from controller.domain.status import StepCause, StepState
from controller.store.engine import begin, create_engine
from controller.store.records import StepRecord
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.history import as_given, migrate
from tests.support.postgres import new_database

FAILURE, ON_REQUEST, SUPERSEDED, INTERRUPTED = StepCause
LOST_CODE = "desk failed: server-fault: the organisation answers 503"
WITHOUT_RECORD = "an earlier run of the controller began to roll back"
PINNED = "on request: git asks for something else than 3.0, which no gate had judged"
Told = tuple[StepCause | None, str | None, bool]
NOTHING: Told = (None, None, False)


CASES: list[tuple[StepState, str | None, Told]] = [
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
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[StepRecord]:
    """The steps of an old journal, one for each case, as this version reads them."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('old')}/penstock.db"
    else:
        url = new_database(request.getfixturevalue("postgres"))
    _write_old_journal(url, [(state, reason) for state, reason, _ in CASES])
    with Store.open(url, clock=SteppedClock()) as store:
        (sync,) = store.journal.history("production")
    return list(sync.steps)


@pytest.mark.parametrize(("number", "state", "reason", "told"), [(number, *case) for number, case in enumerate(CASES)])
def test_what_a_reason_told_of_a_step_is_in_columns_of_its_own(
    upgraded: list[StepRecord], number: int, state: StepState, reason: str | None, told: Told
) -> None:
    step = upgraded[number]
    assert (step.state, step.reason) == (state, reason)
    assert (step.cause, step.error_code, step.paused) == told


def _write_old_journal(url: str, states: Sequence[tuple[StepState, str | None]]) -> None:
    engine = create_engine(url)
    now = datetime(2026, 1, 5, 13, tzinfo=UTC)
    with engine.begin() as connection:
        begin(connection)
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
        changes = [_step(position, state, reason, now) for position, (state, reason) in enumerate(states)]
        connection.execute(sa.insert(as_given("syncs", list(sync))).values(sync))
        connection.execute(sa.insert(as_given("steps", list(changes[0]))), changes)
    engine.dispose()


def _step(position: int, state: StepState, reason: str | None, at: datetime) -> dict[str, object]:
    return {
        "sync_id": 1,
        "position": position,
        "flow": f"desk-{position}",
        "type": "inboundcall",
        "name": f"Desk {position}",
        "kind": "publish",
        "wanted": "sha256:2",
        "dependency_digest": "",
        "consumes": [],
        "consumed": {},
        "state": state.value,
        "reason": reason,
        "updated_at": at,
    }
