"""Measures which lines and branches of Penstock the tests reach: `pytest -p tests.support.branches`.

SlipCover compiles the modules of Penstock with probes. Python's own tracing, which coverage.py needs before Python
3.14, follows every line of every library as well.

Each worker of pytest-xdist sends at its end what it has seen. `.coverage.json` tells what no test reached, and a run
below the floor of `[tool.slipcover]` in pyproject.toml fails. Commands that a test starts are not measured.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
from slipcover import FileMatcher, ImportManager, Slipcover, merge_coverage
from slipcover.config import read_config

_SETTINGS = read_config()
_SOURCE, _OMIT = _SETTINGS["source"], _SETTINGS["omit"]
_SEEN = Slipcover(
    branch=True,
    source=_SOURCE,
    omit=_OMIT,
    exclude_also=_SETTINGS["exclude-also"],
    # Probes stay: to take them out, SlipCover looks through what other threads are using.
    d_miss_threshold=sys.maxsize,
)
_REPORTS: list[dict[str, Any]] = []
_TOLD = Path(".coverage.json")

# Only what is imported from now on is measured. `-p` comes before any conftest.py.
assert "controller" not in sys.modules
ImportManager(_SEEN, FileMatcher(_SOURCE, _OMIT)).__enter__()


class _Node(Protocol):
    workeroutput: dict[str, str]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: _Node) -> None:
    """A worker has ended. One that crashed has sent nothing; the run fails for that."""
    if sent := getattr(node, "workeroutput", {}).get("branches"):
        _REPORTS.append(json.loads(sent))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker sends what it has seen; the process that has started the workers, or has none, joins and compares."""
    output: dict[str, str] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["branches"] = json.dumps(_SEEN.get_coverage())
        return
    joined = _joined()
    _TOLD.write_text(json.dumps(joined), encoding="utf-8")
    if session.exitstatus == pytest.ExitCode.OK and joined["summary"]["percent_covered"] < _SETTINGS["fail-under"]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    summary = _joined()["summary"]
    terminalreporter.write_line(
        f"{summary['percent_covered']:.1f} % of lines and branches were reached"
        f" ({summary['covered_branches']} branches of {summary['covered_branches'] + summary['missing_branches']});"
        f" the floor is {_SETTINGS['fail-under']} %. {_TOLD} tells which were not."
    )


def _joined() -> dict[str, Any]:
    first, *others = _REPORTS or [_SEEN.get_coverage()]
    for other in others:
        merge_coverage(first, other)
    _REPORTS[:] = [first]
    return first
