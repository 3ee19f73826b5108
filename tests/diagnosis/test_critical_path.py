"""The critical path equals an exhaustive search over all paths, and its length equals the time on the clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.diagnosis.action.critical_path import critical_path, own_times
from controller.diagnosis.action.graph import ActionGraph, build_graph
from tests.diagnosis.traces import at

NEVER = float("-inf")


def step(name: str, parent: object, start: float | None, end: float | None) -> dict:
    times = {} if start is None else {"startTime": at(start), "endTime": at(end)}
    return {"nodeId": name, "parentId": parent, "status": "ok", **times}


def path_of(*steps: dict) -> tuple[tuple[str, ...], float, float]:
    path = critical_path(build_graph(steps))
    return path.keys, path.length_ms, path.wait_ms


def test_of_parallel_branches_the_one_that_ends_last_counts() -> None:
    steps = [step("a", None, 0, 1), step("b", "a", 1, 9), step("c", "a", 1, 3), step("d", "c", 3, 8)]
    assert path_of(*steps) == (("a", "b"), 9000, 0)


def test_a_node_whose_times_go_backwards_decides_nothing() -> None:
    """Neither of its times stands for the other: the path goes where the others ended."""
    steps = [step("a", None, 0, 1), step("b", "a", 1, 3), step("back", "a", 9, 2)]
    assert path_of(*steps) == (("a", "b"), 3000, 0)
    graph = build_graph(steps)
    assert "back ends before it starts: counted as no time" in graph.problems


def test_a_child_inside_its_parent_is_not_counted_twice() -> None:
    path = critical_path(build_graph([step("a", None, 0, 10), step("b", "a", 2, 6)]))
    assert [(each.node.key, each.own_ms) for each in path.nodes] == [("a", 6000), ("b", 4000)]
    assert (path.length_ms, path.span_ms) == (10_000, 10_000)


def test_a_child_that_outlives_its_parent_owns_the_overlap() -> None:
    path = critical_path(build_graph([step("a", None, 0, 6), step("b", "a", 4, 9)]))
    assert [each.own_ms for each in path.nodes] == [4000, 5000]


def test_waiting_between_nodes_is_reported_apart() -> None:
    assert path_of(step("a", None, 0, 1), step("b", "a", 1, 5), step("c", "a", 8, 10)) == (("a", "c"), 3000, 7000)


def test_a_node_without_times_passes_the_path_on() -> None:
    assert path_of(step("a", None, 0, 1), step("b", "a", None, None), step("c", "b", 2, 3), step("d", "a", 1, 2)) == (
        ("a", "b", "c"), 2000, 1000,
    )  # fmt: skip


def test_of_equals_the_first_in_the_answer_counts() -> None:
    assert path_of(step("a", None, 0, 1), step("c", "a", 1, 2), step("b", "a", 1, 2))[0] == ("a", "c")


def test_a_join_is_reached_by_the_branch_that_ended_last() -> None:
    """The join waits for its slower parent, so that one is on the path whichever branch is looked at first."""
    steps = [step("a", None, 0, 1), step("b", "a", 1, 2), step("c", "a", 1, 5), step("j", ["b", "c"], 5, 6)]
    assert path_of(*steps)[0] == ("a", "c", "j")


def test_without_nodes_there_is_no_path() -> None:
    assert path_of() == ((), 0, 0)
    assert path_of(step("a", None, None, None)) == (("a",), 0, 0)


moments = st.integers(0, 12)


@st.composite
def graphs(draw) -> ActionGraph:
    steps = []
    for place in range(draw(st.integers(1, 9))):
        several = st.lists(st.sampled_from(range(place)), max_size=2, unique=True) if place else st.just([])
        start = draw(st.none() | moments)
        end = None if start is None else start + draw(st.integers(0, 8))
        steps.append(step(f"n{place}", [f"n{parent}" for parent in draw(several)], start, end))
    return build_graph(draw(st.permutations(steps)))


def all_paths(graph: ActionGraph) -> list[list]:
    """Every path from a root to a node without children, by brute force."""
    children = graph.children()
    pending = [[node] for node in graph.nodes if not node.parents]
    complete = []
    while pending:
        path = pending.pop()
        below = children[path[-1].key]
        pending += [[*path, child] for child in below]
        complete += [] if below else [path]
    return complete


def brute_end(node) -> float:
    return node.end.timestamp() if node.timed else NEVER


def brute_forward(path: list) -> list[tuple]:
    """Per place of the path when the rest of it ends, then the answer's order."""
    return [(max(brute_end(node) for node in path[place:]), -node.order) for place, node in enumerate(path)]


def brute_backward(path: list, paths: list[list]) -> list[tuple]:
    """From the end of the path back: when each node was over, then the answer's order."""

    def over(node) -> float:
        above = [each[: each.index(node)] for each in paths if node in each]
        own = [brute_end(node)] if node.timed else [over(each[-1]) for each in above if each]
        return max(own, default=NEVER)

    return [(over(node), -node.order) for node in reversed(path[:-1])]


def brute_length(path: list) -> float:
    """Seconds of the clock that the nodes cover; all times here are whole seconds."""
    covered = set()
    for node in path:
        if node.timed:
            covered.update(range(int(node.start.timestamp()), int(node.end.timestamp())))
    return len(covered) * 1000.0


@pytest.mark.proof
@settings(max_examples=300, deadline=None)
@given(graphs())
def test_the_path_equals_an_exhaustive_search(graph: ActionGraph) -> None:
    paths = all_paths(graph)
    end = max(paths, key=brute_forward)[-1]
    best = max((path for path in paths if path[-1] is end), key=lambda path: brute_backward(path, paths))
    path = critical_path(graph)
    assert path.keys == tuple(node.key for node in best)
    assert path.length_ms == pytest.approx(brute_length(best))


intervals = st.none() | st.tuples(moments, moments).map(lambda pair: (float(min(pair)), float(max(pair))))


@settings(max_examples=300, deadline=None)
@given(st.lists(intervals, max_size=8))
def test_each_moment_belongs_to_the_deepest_node_that_runs(rows: list) -> None:
    expected = [0.0] * len(rows)
    for second in range(12):
        running = [place for place, row in enumerate(rows) if row and row[0] <= second < row[1]]
        if running:
            expected[running[-1]] += 1
    assert own_times(rows) == expected
