"""Inside a flow, what leads to what is known; what leads nowhere is reported, never dropped."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from controller.flows.loading import load_yaml
from controller.flows.nodes import NodeGraph, definition_graph
from controller.flows.source_nodes import source_graph
from tests.flows.corpus import FILES, each, text_of

DEFINITION: dict[str, object] = {
    "nodes": {
        "n1": {"type": "start", "name": "Begin"},
        "n2": {"type": "decision", "name": "Open?"},
        "n3": {"type": "end"},
    },
    "transitions": [
        {"id": "t1", "from": "n1", "to": "n2"},
        {"id": "t2", "from": "n2", "to": "n3", "condition": "yes"},
    ],
}


def edges(text: str) -> list[tuple[str, str, str]]:
    """Source, target and condition by the names of nodes."""
    graph = graph_of(text)
    names = {node.id: node.name for node in graph.nodes}
    assert graph.problems == ()
    return [(names[edge.source], names[edge.target], edge.condition) for edge in graph.edges]


def graph_of(text: str) -> NodeGraph:
    document = load_yaml(text)
    assert isinstance(document, dict)
    return source_graph(document, "f")


def task(actions: str, name: str = "T") -> str:
    return f"{{task: {{name: {name}, refId: {name}_1, actions: [{actions}]}}}}"


def call(*tasks: str) -> str:
    return f"inboundCall: {{name: F, startUpRef: '/inboundCall/tasks/task[T_1]', tasks: [{', '.join(tasks)}]}}"


def test_a_definition_becomes_nodes_and_edges_keyed_by_flow_and_node() -> None:
    graph = definition_graph(DEFINITION, "flow-1")
    assert [(node.id, node.type, node.name) for node in graph.nodes] == [
        ("flow-1:n1", "start", "Begin"),
        ("flow-1:n2", "decision", "Open?"),
        ("flow-1:n3", "end", ""),
    ]
    assert [(edge.id, edge.source, edge.target, edge.condition) for edge in graph.edges] == [
        ("t1", "flow-1:n1", "flow-1:n2", ""),
        ("t2", "flow-1:n2", "flow-1:n3", "yes"),
    ]
    assert graph.problems == ()


@pytest.mark.parametrize(
    ("transition", "code", "words"),
    [
        ({"id": "t", "from": "n1", "to": "gone"}, "unknown-node", "leads to 'gone'"),
        ({"id": "t", "from": "gone", "to": "n1"}, "unknown-node", "leads from 'gone'"),
        ({"id": "t", "from": "n1"}, "malformed-transition", "where it leads to"),
        ("n1 -> n2", "malformed-transition", "transitions[0] is not a mapping"),
    ],
)
def test_a_transition_that_leads_nowhere_is_a_problem_and_no_edge(transition: object, code: str, words: str) -> None:
    graph = definition_graph({**DEFINITION, "transitions": [transition]}, "flow-1")
    assert graph.edges == ()
    assert [problem.code for problem in graph.problems] == [code]
    assert words in graph.problems[0].message


def test_a_transition_with_two_unknown_ends_has_two_problems() -> None:
    graph = definition_graph({"nodes": {}, "transitions": [{"id": "t", "from": "a", "to": "b"}]}, "f")
    assert len(graph.problems) == 2


def test_transitions_that_share_an_id_are_kept_and_reported() -> None:
    transitions = [{"id": "t", "from": "n1", "to": "n2"}, {"id": "t", "from": "n1", "to": "n3"}]
    graph = definition_graph({**DEFINITION, "transitions": transitions}, "f")
    assert len(graph.edges) == 2
    assert [problem.code for problem in graph.problems] == ["duplicate-transition"]


@pytest.mark.parametrize(
    ("definition", "codes"),
    [
        ({}, []),
        ({"nodes": None, "transitions": None}, []),
        ({"nodes": [1]}, ["malformed-node"]),
        ({"nodes": {"a": 3}}, ["malformed-node"]),
        ({"nodes": {}, "transitions": {"a": 1}}, ["malformed-transition"]),
    ],
)
def test_any_definition_is_read(definition: dict[str, object], codes: list[str]) -> None:
    assert [problem.code for problem in definition_graph(definition, "f").problems] == codes


def test_actions_run_from_top_to_bottom_from_the_start() -> None:
    text = call(task("{playAudio: {name: A}}, {setData: {name: B}}, {disconnect: {name: C}}"))
    assert edges(text) == [("F", "T", "start"), ("T", "A", ""), ("A", "B", ""), ("B", "C", "")]


def test_outputs_branch_and_join_after_the_action() -> None:
    yes_no = "{decision: {name: D, outputs: {yes: {actions: [{a: {name: Y}}]}, no: {actions: [{a: {name: N}}]}}}}"
    text = call(task(f"{yes_no}, {{playAudio: {{name: After}}}}"))
    assert edges(text)[2:] == [("D", "Y", "yes"), ("D", "N", "no"), ("Y", "After", ""), ("N", "After", "")]


def test_an_output_without_actions_goes_on_after_the_action() -> None:
    half = "{decision: {name: D, outputs: {yes: {actions: [{disconnect: {name: Y}}]}, no: {actions: []}}}}"
    text = call(task(f"{half}, {{playAudio: {{name: After}}}}"))
    assert edges(text)[2:] == [("D", "Y", "yes"), ("D", "After", "otherwise")]


def test_the_cases_of_a_switch_are_told_apart() -> None:
    case = "{case: {value: {lit: Open}, actions: [{a: {name: O}}]}}"
    default = "default: {actions: [{a: {name: E}}]}"
    switch = f"{{switch: {{name: S, evaluate: {{firstMatch: {{string: {{cases: [{case}], {default}}}}}}}}}}}"
    assert edges(call(task(f"{switch}, {{a: {{name: After}}}}")))[2:] == [
        ("S", "O", "case Open"),
        ("S", "E", "default"),
        ("O", "After", ""),
        ("E", "After", ""),
    ]


def test_a_loop_comes_back_and_can_be_left() -> None:
    inner = "{loopNext: {name: Next}}, {loopExit: {name: Exit}}, {a: {name: Last}}"
    loop = f"{{loop: {{name: L, outputs: {{loop: {{actions: [{inner}]}}}}}}}}"
    assert set(edges(call(task(f"{loop}, {{a: {{name: After}}}}")))) == {
        ("F", "T", "start"),
        ("T", "L", ""),
        ("L", "Next", "loop"),
        ("Next", "L", ""),
        ("Exit", "After", ""),
        ("Last", "L", ""),
        ("L", "After", "otherwise"),
    }


def test_jumps_and_calls_lead_to_other_tasks() -> None:
    jump = "{jumpToTask: {name: J, targetTaskRef: '/inboundCall/tasks/task[U_1]'}}, {a: {name: Never}}"
    calling = "{callTask: {name: C, targetTaskRef: './tasks/task[U_1]'}}, " + jump
    found = edges(call(task(calling), task("{endTask: {name: E}}, {a: {name: Never2}}", "U")))
    assert set(found[2:]) == {("C", "U", "call"), ("C", "J", ""), ("J", "U", "jump"), ("U", "E", "")}


def test_a_transfer_is_followed_only_when_it_fails() -> None:
    assert ("X", "After", "failure") in edges(call(task("{transferToAcd: {name: X}}, {a: {name: After}}")))


def test_the_choices_of_a_menu_stand_side_by_side() -> None:
    choices = (
        "{menuTask: {name: One, dtmf: digit_1, task: {actions: [{a: {name: Inside}}]}}},"
        "{menuDisconnect: {name: Two, refId: Two_2, dtmf: digit_2}}, {menuDisconnect: {name: Three}}"
    )
    text = (
        "inboundCall: {name: F, startUpRef: './menus/menu[M_1]', menus: [{menu: {name: M, refId: M_1, choices: ["
        f"{choices}], defaultChildMenuRef: './choices/menuDisconnect[Two_2]'}}}}]}}"
    )
    assert sorted(edges(text)) == [
        ("F", "M", "start"),
        ("M", "One", "digit_1"),
        ("M", "Three", "Three"),
        ("M", "Two", "default"),
        ("M", "Two", "digit_2"),
        ("One", "Inside", "task"),
    ]


def test_in_queue_flows_start_with_their_own_task_or_states() -> None:
    assert edges("inqueueCall: {name: F, startUpTaskActions: [{a: {name: A}}]}") == [("F", "A", "start")]
    text = "inqueueEmail: {name: F, startUpState: {name: S, actions: []}, periodicState: {name: P, actions: []}}"
    assert edges(text) == [("F", "S", "start"), ("F", "P", "periodic")]


def test_a_jump_to_something_that_is_not_there_is_a_problem() -> None:
    graph = graph_of(call(task("{jumpToTask: {name: J, targetTaskRef: '/inboundCall/tasks/task[Gone_9]'}}")))
    assert [problem.code for problem in graph.problems] == ["unknown-target"]
    assert graph.problems[0].where == "inboundCall.tasks[0].task.actions[0].jumpToTask.targetTaskRef"
    assert "Gone_9" in graph.problems[0].message


@pytest.mark.corpus
@each(FILES)
def test_real_flows_hang_together(file: Path) -> None:
    """Every jump finds its target, and no two nodes share an id."""
    graph = graph_of(text_of(file))
    ids = {node.id for node in graph.nodes}
    assert graph.problems == ()
    assert len(ids) == len(graph.nodes)
    assert {edge.source for edge in graph.edges} | {edge.target for edge in graph.edges} <= ids
    unused = {"f:menus[0].menu", "f:menus[0].menu.choices[0].menuDisconnect"} if "holiday" in file.name else set()
    begin = graph.nodes[0].id
    reached = nx.descendants(nx.DiGraph([(edge.source, edge.target) for edge in graph.edges]), begin)
    assert ids - reached - {begin} == unused
