"""`penstock demo`, as `make demo` runs it: every claim of its story is checked while it is told."""

from __future__ import annotations

import signal
import ssl
from pathlib import Path
from unittest import mock

import pytest

from controller.cli import exit_codes
from controller.cli.commands.demo import CHAPTERS
from controller.cli.commands.demo.stage import DemoStage, open_stage
from controller.domain.errors.process import Interrupted
from controller.planning.model import Plan
from controller.reconcile.pass_ import Unwatched
from tests.support.commands import run


def test_the_demo_comes_to_its_end_and_every_claim_of_it_holds(tmp_path: Path) -> None:
    done = run("demo", cwd=tmp_path, strict=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    told = [line for line in done.stdout.splitlines() if line[:2] in {f"{number}." for number in range(10)}]
    assert len(told) == len(CHAPTERS)
    assert done.stdout.count("✓") >= len(CHAPTERS)
    assert list(tmp_path.iterdir()) == []


class StopsWhenPlanned(Unwatched):
    """Presses Ctrl-C as soon as it is known what is to do."""

    def planned(self, plan: Plan) -> None:
        assert plan.actions
        signal.raise_signal(signal.SIGINT)


def test_a_demo_that_is_stopped_is_interrupted_and_has_not_failed() -> None:
    with open_stage() as stage:
        assert _certificates_read_while_asked(stage) == 0
        with pytest.raises(Interrupted) as stopped:
            stage.apply(StopsWhenPlanned())
    assert exit_codes.for_error(stopped.value) == exit_codes.INTERRUPTED


def _certificates_read_while_asked(stage: DemoStage) -> int:
    """How often: to read all authorities takes longer than ten calls."""
    with mock.patch.object(ssl, "create_default_context", wraps=ssl.create_default_context) as made:
        stage.reset_calls()
        assert stage.calls() == 0
        assert stage.flows() == []
    return made.call_count
