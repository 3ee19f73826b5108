"""How much processor time and memory does a trace take as text, from 1,000 to 100,000 steps?

`penstock trace file` shows an execution file of the architect dialect. The peer is what people do without it: Python's
`json.tool`, which reads the same file and prints it with indentation, without an analysis.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Cost, Row, cost_of

ROUNDS = {1_000: 3, 10_000: 3, 100_000: 1}
"""By the number of steps; the time of the longest trace varies least, by a twelfth."""
_BEGAN = datetime(2026, 8, 10, tzinfo=UTC)
_ACTIONS = ("actionPlayAudio", "actionDecision", "actionUpdateData", "actionSetParticipantData", "actionSwitch")
_VARIABLES = 10


def ask(rounds: Mapping[int, int] = ROUNDS) -> Answer:
    """Show traces of these sizes. Raises RuntimeError for a process that fails."""
    rows: list[Row] = []
    with scratch() as folder:
        for steps, times in rounds.items():
            path = folder / f"{steps}.json"
            write_execution(path, steps)
            rows += _rows(steps, [(_own(path), _peer(path)) for _ in range(times)])
    conditions = {
        "time": "user time of a process, its start included",
        "a step": "an action with a name and an output; one in five writes a variable, one in ten shows all ten",
        "rounds": [f"{times} of {steps:,} steps" for steps, times in rounds.items()],
    }
    return Answer("traces", conditions, tuple(rows))


def write_execution(path: Path, steps: int) -> None:
    """An execution file with this number of events."""
    head = {"executionId": "x", "flowName": "Main", "flowType": "inboundcall", "startDateTime": _at(0)}
    path.write_text(json.dumps({"flow": head | {"execution": list(_events(steps))}}), encoding="utf-8")


def _events(steps: int) -> Iterator[dict[str, object]]:
    yield {"startedFlow": {"dateTime": _at(0), "executionId": "f", "flowName": "Main", "variables": _variables()}}
    for place in range(1, steps):
        action = _ACTIONS[place % len(_ACTIONS)]
        payload: dict[str, object] = {
            "dateTime": _at(place),
            "executionId": f"e{place}",
            "actionName": f"Step {place % 97}",
            "outputPathId": "__SUCCESS__",
            "outputPathName": "Success",
        }
        if action == "actionUpdateData":
            payload["statements"] = [{"variableName": f"Flow.v{place % _VARIABLES}", "value": str(place)}]
            payload["inputData"] = {"count": place, "greeting": f"Hello {place}"}
        if place % 10 == 0:
            payload["variables"] = _variables()
        yield {action: payload}


def _variables() -> list[dict[str, object]]:
    return [{"variableName": f"Flow.v{number}", "value": number} for number in range(_VARIABLES)]


def _at(place: int) -> str:
    return (_BEGAN + timedelta(milliseconds=37 * place)).isoformat(timespec="milliseconds")


def _own(path: Path) -> Cost:
    shown = path.with_suffix(".txt")
    return cost_of([sys.executable, "-m", "controller", "trace", "file", str(path), "--out", str(shown)])


def _peer(path: Path) -> Cost:
    return cost_of([sys.executable, "-m", "json.tool", str(path), str(path.with_suffix(".indented"))])


def _rows(steps: int, costs: list[tuple[Cost, Cost]]) -> list[Row]:
    largest = steps == max(ROUNDS)
    own, peer = zip(*costs, strict=True)
    peer_name = "json.tool"
    return [
        Row(
            f"{steps:,} steps as text",
            "s",
            tuple(each.user_s for each in own),
            8.0 if largest else None,
            peer_name,
            tuple(each.user_s for each in peer),
            note="Evenly spread over reading JSON, making steps and collecting secrets (decision 47)",
        ),
        Row(
            f"{steps:,} steps as text, memory",
            "MiB",
            tuple(each.peak_mib for each in own),
            103 if largest else None,
            peer_name,
            tuple(each.peak_mib for each in peer),
        ),
    ]
