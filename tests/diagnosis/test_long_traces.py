"""A long trace needs no more memory than a short one."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from controller.diagnosis.analysis import Analysis
from controller.diagnosis.architect_reader import open_execution
from controller.diagnosis.report import Audit, report
from controller.diagnosis.timeline import timeline
from controller.diagnosis.versioned_reader import VersionedReader
from tests.diagnosis.traces import at, write

pytestmark = pytest.mark.proof

AUDIT = Audit("op", ("s",), 1.0, datetime(2026, 8, 10, tzinfo=UTC))


def chunks(steps: int) -> Iterator[str]:
    yield '{"flow":{"executionId":"x","execution":['
    for place in range(steps):
        payload = {
            "dateTime": at(place / 1000),
            "executionId": f"e{place}",
            "statements": [write(f"Flow.v{place % 20}", str(place))],
        }
        yield ("," if place else "") + json.dumps({"actionUpdateData": payload})
    yield "]}}"


def peak(work) -> int:
    """The most memory in use while `work` ran, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def export(steps: int) -> None:
    analysis = Analysis(open_execution(lambda: chunks(steps)))
    assert sum(1 for _ in report(analysis, AUDIT)) > steps


def show(steps: int) -> None:
    assert sum(1 for _ in timeline(Analysis(open_execution(lambda: chunks(steps))))) > steps


def page_by_page(steps: int) -> None:
    reader = VersionedReader()
    count = 0
    for first in range(0, steps, 100):
        page = [{"id": f"s{place}", "type": "play", "variables": {"v": 1}} for place in range(first, first + 100)]
        count += sum(1 for _ in reader.page(page))
    assert count == steps - 1


@pytest.mark.parametrize("work", [export, show, page_by_page])
def test_memory_does_not_grow_with_the_steps(work) -> None:
    work(100)  # fills the caches
    # The least of three, as threads of other tests count, too.
    most = min(peak(lambda: work(300)) for _ in range(3)) * 1.5 + 100_000
    assert any(peak(lambda: work(1200)) < most for _ in range(3))
