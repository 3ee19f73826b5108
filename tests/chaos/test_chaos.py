"""Chaos: edits, pins, removals, handwork, faults, crashes, restarts and rivals in any order, and all promises hold.

A failure prints the shortest sequence that was found, and a line that plays it again; `--hypothesis-seed` repeats a
whole run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from controller.domain.capabilities import ARCHITECT, VERSIONED
from tests.chaos.machine import Chaos
from tests.chaos.turmoil import migrated
from tests.support.world import SECRET

PLAYED = settings(
    deadline=None,
    stateful_step_count=12,
    print_blob=True,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], type[Chaos]]]:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    template = migrated(tmp_path)
    yield lambda dialect: type("Chaos", (Chaos,), {"dialect": dialect, "template": template})
    structlog.reset_defaults()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
def test_whatever_happens_the_promises_hold(machine: Callable[[str], type[Chaos]], dialect: str) -> None:
    run_state_machine_as_test(machine(dialect), settings=settings(PLAYED, max_examples=12))


@pytest.mark.nightly
@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
def test_whatever_happens_all_night_the_promises_hold(machine: Callable[[str], type[Chaos]], dialect: str) -> None:
    run_state_machine_as_test(machine(dialect), settings=settings(PLAYED, max_examples=600))
