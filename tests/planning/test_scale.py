"""Cost grows with the graph, never with the number of its cycles."""

from __future__ import annotations

import itertools
import random
import time
from typing import Any

import pytest

from controller.domain.identity import FlowKey
from controller.graphs.components import shortest_cycle, strongly_connected, waves
from controller.graphs.model import Edge, Graph, Node
from controller.graphs.pictures.tree import graph_text
from controller.graphs.questions import cycles, impact, sequence
from controller.planning.inputs import PlanInputs, Quarantine
from controller.planning.model import ChangeKind
from controller.planning.plan import make_plan
from tests.planning.compact import live_state, organization, recorded_state

pytestmark = pytest.mark.proof

NODES = 30_000
EDGES = 150_000
GENEROUS_S = 20.0
"""Of the processor, whatever else it does: each takes some seconds; a quadratic algorithm takes minutes."""


def _large() -> dict[FlowKey, list[FlowKey]]:
    """A random graph, nearly without cycles; the same for every run."""
    chance = random.Random(1)
    keys = [FlowKey("inboundcall", f"F{index}") for index in range(NODES)]
    successors: dict[FlowKey, list[FlowKey]] = {key: [] for key in keys}
    for _ in range(EDGES):
        low, high = sorted(chance.sample(range(NODES), 2))
        start, end = (low, high) if chance.random() < 0.0005 else (high, low)
        successors[keys[start]].append(keys[end])
    return successors


def test_thirty_thousand_flows_take_seconds() -> None:
    """Components, one cycle of each, and the deployment order of what is left."""
    successors = _large()
    started = time.process_time()
    components = strongly_connected(list(successors), successors)
    found = [shortest_cycle(component, successors) for component in components if len(component) > 1]
    place = {key: index for index, component in enumerate(components) for key in component}
    below = {str(key): [str(end) for end in ends if place[end] < place[key]] for key, ends in successors.items()}
    order = waves(list(below), below)
    assert time.process_time() - started < GENEROUS_S
    assert found
    assert len(order) == NODES


def test_questions_to_a_long_chain_are_answered_without_recursion() -> None:
    """A chain of 20,000 flows: the last consumer is 19,999 edges away, and its path is known."""
    count = 20_000
    keys = [f"inboundcall/F{index:06}" for index in range(count)]
    edges = tuple(Edge(later, earlier) for earlier, later in itertools.pairwise(keys))
    graph = Graph(tuple(Node(key, key, "inboundcall") for key in keys), edges)
    started = time.process_time()
    reached = impact(graph, [keys[0]])
    assert reached[-1].distance == count - 1
    assert reached[-1].path == tuple(keys)
    assert len(sequence(graph)) == count
    assert cycles(graph) == ()
    text = graph_text(graph)
    assert text.count('"inboundcall/F') < 1.1 * count
    assert len(text) < 1000 * count
    assert time.process_time() - started < GENEROUS_S


def test_thirty_flows_that_all_transfer_to_each_other_do_not_hang() -> None:
    """They have more elementary cycles than there are grains of sand; one of length two is shown."""
    names = [f"f{index:02}" for index in range(30)]
    calls = {name: [f"inboundcall/{other}" for other in names if other != name] for name in names}
    states: dict[str, Any] = {
        "desired": {name: {"key": f"inboundcall/{name}", "digest": name, "calls": calls[name]} for name in names}
    }
    started = time.process_time()
    plan = make_plan(organization(states), live_state(states), recorded_state(states), PlanInputs("r"))
    assert time.process_time() - started < 5
    assert plan.cycles == (("f00", "f01", "f00"),)
    assert {change.kind for change in plan.changes} == {ChangeKind.CREATE}
    assert {change.blocked.code for change in plan.changes if change.blocked} == {"cycle"}


def test_an_organisation_of_three_thousand_flows_is_planned_in_seconds() -> None:
    """Every flow calls five others, and each fifth has changed."""
    chance = random.Random(2)
    names = [f"f{index:04}" for index in range(3000)]
    states: dict[str, Any] = {
        "desired": {
            name: {
                "key": f"inboundcall/{name}",
                "digest": "new" if index % 5 == 0 else "old",
                "calls": [f"inboundcall/{chance.choice(names[:index])}" for _ in range(5)] if index else [],
            }
            for index, name in enumerate(names)
        },
        "live": {f"inboundcall/{name}": {"version": "1.0"} for name in names},
        "recorded": {f"inboundcall/{name}": {"manifest": name, "version": "1.0", "digest": "old"} for name in names},
    }
    parts = organization(states), live_state(states), recorded_state(states)
    started = time.process_time()
    plan = make_plan(*parts, PlanInputs("r"))
    assert time.process_time() - started < GENEROUS_S
    assert plan.summary()["publish"] == 600


def test_what_waits_behind_layers_of_blocked_flows_is_found_in_one_walk() -> None:
    """Forty layers of two modules, each calling both below it: there are a billion ways down, and 80 modules."""
    layers = [[f"m{layer:02}{side}" for side in "ab"] for layer in range(40)]
    below = {name: layers[number - 1] if number else [] for number, layer in enumerate(layers) for name in layer}
    keys = {name: f"commonmodule/{name}" for name in below}
    states: dict[str, Any] = {
        "desired": {
            name: {"key": keys[name], "digest": "new", "calls": [keys[each] for each in below[name]]} for name in below
        }
        | {"ivr": {"key": "inboundcall/ivr", "digest": "same", "calls": [keys[name] for name in layers[-1]]}},
        "live": {key: {"version": "1.0"} for key in (*keys.values(), "inboundcall/ivr")},
        "recorded": {keys[name]: {"manifest": name, "version": "1.0", "digest": "old"} for name in below}
        | {
            "inboundcall/ivr": {
                "manifest": "ivr",
                "version": "1.0",
                "digest": "same",
                "consumed": {keys[name]: "2.0" for name in layers[-1]},
            }
        },
    }
    bad = tuple(Quarantine(FlowKey("commonmodule", name), "sha256:new", "it failed") for name in layers[0])
    inputs = PlanInputs("r", quarantines=bad)
    plan = make_plan(organization(states), live_state(states), recorded_state(states), inputs)
    [ivr] = [change for change in plan.actions if change.flow == "ivr"]
    assert (ivr.kind, ivr.blocked, ivr.depends_on) == (ChangeKind.REPUBLISH, None, ())
    assert sum(change.blocked is not None for change in plan.actions) == 80
