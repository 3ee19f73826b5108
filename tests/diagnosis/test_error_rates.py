"""The error rate of executions is counted and judged the same way for gates and for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.diagnosis.error_rate import ErrorRate, Verdict, judge_error_rate, measure_error_rate
from controller.domain.desired import ErrorRateGate
from controller.domain.platform import ExecutionSummary

START = datetime(2026, 8, 10, 12, tzinfo=UTC)
END = START + timedelta(minutes=15)


def ran(
    name: str, *, failed: bool = False, minute: float = 1, version: str = "2.0", **more: object
) -> ExecutionSummary:
    started = START + timedelta(minutes=minute)
    return ExecutionSummary(name, "f", version, started, more.pop("ended", END), failed, **more)


def gate(**more: object) -> ErrorRateGate:
    return ErrorRateGate(**({"window_s": 900, "minimum_samples": 4, "max_rate": 0.25} | more))


def test_only_executions_that_started_in_the_window_count() -> None:
    runs = [ran("a", minute=-0.1), ran("b", minute=0), ran("c", minute=14.9), ran("d", minute=15)]
    assert measure_error_rate(runs, since=START, until=END).total == 2


def test_an_execution_that_comes_twice_counts_once() -> None:
    runs = [ran("a", failed=True), ran("a", failed=True), ran("b")]
    assert measure_error_rate(runs, since=START, until=END) == ErrorRate(1, 2, 0, (("unknown", 1),))


def test_executions_of_other_versions_do_not_count() -> None:
    runs = [ran("a"), ran("b", version="1.0", failed=True)]
    assert measure_error_rate(runs, since=START, until=END, version="2.0").rate == 0


def test_running_executions_are_neither_good_nor_bad() -> None:
    runs = [ran("a", ended=None), ran("b", ended=None, failed=True), ran("c")]
    assert measure_error_rate(runs, since=START, until=END) == ErrorRate(1, 2, 1, (("unknown", 1),))


def test_reasons_stand_in_order_of_frequency() -> None:
    runs = [ran("a", failed=True, reason="x"), *[ran(name, failed=True, reason="y") for name in "bc"]]
    assert measure_error_rate(runs, since=START, until=END).reasons == (("y", 2), ("x", 1))


@pytest.mark.parametrize(
    ("failed", "total", "verdict"),
    [(0, 4, "pass"), (1, 4, "pass"), (2, 4, "fail"), (0, 3, "no-data"), (3, 3, "no-data"), (0, 0, "no-data")],
)
def test_the_limit_itself_passes_and_too_few_samples_say_nothing(failed: int, total: int, verdict: str) -> None:
    assert judge_error_rate(gate(), ErrorRate(failed, total)).verdict.value == verdict


def test_no_samples_at_all_are_no_data_even_where_none_are_required() -> None:
    assert judge_error_rate(gate(minimum_samples=0), ErrorRate()).verdict is Verdict.NO_DATA


@pytest.mark.parametrize("percent", [0.1 + 0.2, 0.07, 0.29])
def test_binary_fractions_do_not_fail_a_rate_at_its_limit(percent: float) -> None:
    current = ErrorRate(round(percent * 100), 100)
    assert judge_error_rate(gate(max_rate=percent), current).verdict is Verdict.PASS
    assert judge_error_rate(gate(max_rate=percent - 0.005), current).verdict is Verdict.FAIL


def test_with_a_baseline_the_limit_is_the_allowed_increase() -> None:
    with_baseline = gate(baseline=True, max_rate=0.05)
    bad_before = ErrorRate(10, 100)
    assert judge_error_rate(with_baseline, ErrorRate(15, 100), baseline=bad_before).verdict is Verdict.PASS
    verdict = judge_error_rate(with_baseline, ErrorRate(16, 100), baseline=bad_before)
    assert verdict.verdict is Verdict.FAIL
    assert verdict.limit == pytest.approx(0.15)
    assert verdict.message == "16 of 100 executions failed: 16 %, limit 15 % (baseline 10 % + 5 %)"


@pytest.mark.parametrize("baseline", [None, ErrorRate(), ErrorRate(3, 3)])
def test_a_baseline_without_enough_samples_excuses_nothing(baseline: ErrorRate | None) -> None:
    judged = judge_error_rate(gate(baseline=True), ErrorRate(2, 4), baseline=baseline)
    assert judged.verdict is Verdict.FAIL
    assert judged.limit == 0.25


def test_a_gate_without_baseline_ignores_one() -> None:
    assert judge_error_rate(gate(), ErrorRate(2, 4), baseline=ErrorRate(9, 9)).verdict is Verdict.FAIL


def test_the_message_names_the_reasons() -> None:
    judged = judge_error_rate(gate(), ErrorRate(3, 4, 0, (("timeout", 2), ("boom", 1))))
    assert judged.message == "3 of 4 executions failed: 75 %, limit 25 %; timeout x2, boom x1"
