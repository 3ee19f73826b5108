"""Versions of the versioned dialect's definitions are compared by the ids of nodes and transitions."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from controller.flows.diff import diff_definitions
from tests.flows.diffs import diff_text

Json = dict[str, object]

DEFINITION: Json = {
    "nodes": {"a": {"type": "start", "name": "A"}, "b": {"type": "say", "name": "B", "config": {"text": "hi"}}},
    "transitions": [{"id": "t1", "from": "a", "to": "b", "condition": "yes"}],
}


def definition_changes(edit: Callable[[Json], None]) -> list[str]:
    after = copy.deepcopy(DEFINITION)
    edit(after)
    return diff_text(diff_definitions(DEFINITION, after)).splitlines()


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (lambda _: None, []),
        (lambda d: d["nodes"].update(c={"type": "end", "name": "C"}), ["+ node 'c' (end)"]),
        (lambda d: d["nodes"].pop("b"), ["- node 'b' (say)"]),
        (lambda d: d["nodes"]["b"].update(name="B2"), ['~ node \'b\' (say): name: "B" -> "B2"']),
        (lambda d: d["nodes"]["b"]["config"].update(text="ho"), ['~ node \'b\' (say): config > text: "hi" -> "ho"']),
        (lambda d: d["nodes"]["b"].update(type="ask"), ['~ node \'b\' (ask): type: "say" -> "ask"']),
        (lambda d: d["transitions"][0].update(condition="no"), ['~ transition \'t1\': condition: "yes" -> "no"']),
        (lambda d: d["transitions"].append({"from": "b", "to": "a"}), ["+ transition 'b -> a'"]),
        (lambda d: d["transitions"].clear(), ["- transition 't1'"]),
        (lambda d: d.update(language="en"), ['+ flow: language: "en"']),
        (lambda d: d["nodes"]["b"].update(apiToken="hunter2"), ["+ node 'b' (say): api token: ***"]),
    ],
)
def test_definitions_are_compared_by_id(edit: Callable[[Json], None], lines: list[str]) -> None:
    assert definition_changes(edit) == lines


@pytest.mark.parametrize(
    "broken", [{}, {"nodes": 3, "transitions": "x"}, {"nodes": {"a": 1}, "transitions": [1, 1, None]}]
)
def test_malformed_definitions_are_compared_too(broken: Json) -> None:
    assert diff_definitions(broken, broken).empty
    assert not diff_definitions(broken, DEFINITION).empty
