"""Random organisations can be delivered, and their lower bounds are those that networkx computes."""

from __future__ import annotations

import asyncio

import networkx as nx
import pytest

from benchmarks.deliveries import deliver
from benchmarks.virtual import LIMIT_PER_MINUTE
from benchmarks.workload import LONGEST_S, SHORTEST_S, random_workload


@pytest.mark.parametrize("seed", range(3))
def test_the_critical_path_is_the_longest_weighted_path(seed: int) -> None:
    workload = random_workload(seed, 80)
    graph = workload.graph.copy()
    for consumed, consumer in graph.edges:
        graph.edges[consumed, consumer]["weight"] = workload.flows[consumer].publish_s
    graph.add_weighted_edges_from(("start", slug, flow.publish_s) for slug, flow in workload.flows.items())

    assert workload.critical_path_s == pytest.approx(nx.dag_longest_path_length(graph))
    assert all(SHORTEST_S <= flow.publish_s <= LONGEST_S for flow in workload.flows.values())


def test_a_seed_always_makes_the_same_organisation() -> None:
    assert random_workload(7, 40).flows == random_workload(7, 40).flows
    assert random_workload(7, 40).flows != random_workload(8, 40).flows


def test_five_hundred_flows_need_140_seconds_for_their_calls_and_longer_for_their_critical_path() -> None:
    workload = random_workload(1, 500)
    assert workload.calls_s(LIMIT_PER_MINUTE) == pytest.approx(140.0)
    assert workload.bound_s(LIMIT_PER_MINUTE) == workload.critical_path_s


def test_no_delivery_is_faster_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", "penstock-secret")
    workload = random_workload(2, 8)

    delivered = asyncio.run(deliver(workload))

    assert delivered.last_live_s >= workload.bound_s(LIMIT_PER_MINUTE)
    assert delivered.makespan_s >= delivered.last_live_s
    assert delivered.delay_percent >= 0
    assert delivered.calls >= 2 * len(workload.flows)
    assert delivered.later_calls >= 3 * len(workload.flows)
    assert delivered.later_s >= workload.critical_path_s
