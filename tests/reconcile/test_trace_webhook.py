"""A webhook that is not taken at once is tried again, and told about when it never is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from controller.diagnosis.action.analysis import ActionAnalysis, analyse_action
from controller.diagnosis.action.exports import webhook_payload
from controller.diagnosis.action.model import ActionTraceResult
from controller.questions.action_trace import ATTEMPTS, TraceWebhook
from controller.reconcile.announcing import SECRET_VARIABLE
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.store.store import Store
from tests.support.clock import SteppedClock


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv(SECRET_VARIABLE, "a-secret-of-more-than-16")
    clock = SteppedClock()
    settings = Settings(store=f"sqlite:///{tmp_path / 'store.db'}", gate_hosts=frozenset({"127.0.0.1"}))
    store = Store.open(settings.store, clock=clock)
    yield Services(settings, store, clock)
    store.close()


@pytest.fixture
def analysis() -> ActionAnalysis:
    return analyse_action(ActionTraceResult("f1", "i1", "j1", "completed", (), 12.0, datetime(2026, 1, 5, tzinfo=UTC)))


async def test_a_dead_receiver_is_tried_four_times_with_growing_pauses(
    services: Services, analysis: ActionAnalysis
) -> None:
    """Pauses are drawn between half and all of 5, 10 and 20 seconds; the reason names the host and no more."""
    started = services.clock.monotonic()

    reason = await TraceWebhook(services, "http://127.0.0.1:1/hook?token=hidden").send(analysis)

    waited = services.clock.monotonic() - started
    assert reason == "127.0.0.1 cannot be reached (ConnectError)"
    assert ATTEMPTS == 4
    assert 17.5 <= waited <= 36
    assert services.store.outbox.pending() == 0


async def test_the_secret_may_stand_in_the_operators_file_and_without_one_a_warning_tells(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE)
    secret = tmp_path / "secret"
    secret.write_text("another-secret-of-more-than-16")
    with capture_logs() as unsigned:
        TraceWebhook(services, "http://127.0.0.1:1/hook")
    services.settings = services.settings.model_copy(update={"webhook_secret_file": secret})
    with capture_logs() as signed:
        TraceWebhook(services, "http://127.0.0.1:1/hook")
    assert [event["event"] for event in unsigned] == ["webhook.unsigned"]
    assert signed == []


def test_latencies_are_whole_milliseconds(analysis: ActionAnalysis) -> None:
    """Receivers that read the document's struct take integers only."""
    payload = webhook_payload(replace(analysis, result=replace(analysis.result, retrieval_latency_ms=1344.307)))
    assert payload["retrievalLatencyMs"] == 1344
    assert all(isinstance(payload[name], int) for name in ("retrievalLatencyMs", "bottleneckLatencyMs"))
