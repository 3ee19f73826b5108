"""How much processor time do questions to a graph of 100,000 flows take, beside networkx?

The graph is random and without cycles. Penstock answers from the nodes and edges that it holds and makes its indexes
anew for each answer; networkx makes its graph from pairs of keys. The answers are an order, the deployment sequence in
waves, cycles, and all that a change of one flow reaches. A row of its own says what it takes to make Penstock's nodes
and edges from the pairs. A JSON document is written to a file by a process of its own, from keys and pairs on both
sides, and only its writing counts; that of networkx has its node-link data and the same answers, and is encoded as one
string without indentation.
"""

from __future__ import annotations

import gc
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import networkx as nx

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Row, cost_of, user_s_of
from controller.domain.documents import json_chunks
from controller.graphs.build import ordered_graph
from controller.graphs.components import strongly_connected
from controller.graphs.document import graph_document
from controller.graphs.model import Edge, Graph, Node
from controller.graphs.questions import cycles, impact, sequence

NODES, EDGES = 100_000, 500_000
ROUNDS = 2
SEED = 7
_COLLECT_AFTER = 50_000
"""As in every command of Penstock, here for both sides."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What both sides begin with."""

    keys: list[str]
    pairs: list[tuple[str, str]]


def parts(nodes: int, edges: int) -> Parts:
    """A random graph without cycles: an edge leads to a flow with a lower number."""
    chosen, found = random.Random(SEED), set[tuple[int, int]]()  # noqa: S311 - no secret depends on it
    while len(found) < edges:
        one, other = chosen.randrange(nodes), chosen.randrange(nodes)
        if one != other:
            found.add((max(one, other), min(one, other)))
    keys = [f"inboundcall/Flow {number:06}" for number in range(nodes)]
    return Parts(keys, [(keys[consumer], keys[consumed]) for consumer, consumed in found])


def own_graph(given: Parts) -> Graph:
    """Penstock's graph."""
    nodes = (Node(key, key.partition("/")[2], "inboundcall") for key in given.keys)
    return ordered_graph(nodes, (Edge(*pair) for pair in given.pairs))


def peer_graph(given: Parts) -> nx.DiGraph[str]:
    """The same graph of networkx."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(given.keys)
    graph.add_edges_from(given.pairs)
    return graph


def _order(graph: Graph) -> object:
    return strongly_connected([node.key for node in graph.nodes], graph.consumed())


_OWN: dict[str, Callable[[Graph, str], object]] = {
    "order": lambda graph, _: _order(graph),
    "sequence": lambda graph, _: sequence(graph),
    "cycles": lambda graph, _: cycles(graph),
    "impact": lambda graph, changed: impact(graph, [changed]),
}
_PEER: dict[str, Callable[[nx.DiGraph[str], str], object]] = {
    "order": lambda graph, _: list(nx.topological_sort(graph)),
    "sequence": lambda graph, _: list(nx.topological_generations(graph)),
    "cycles": lambda graph, _: list(nx.strongly_connected_components(graph)),
    "impact": lambda graph, changed: nx.single_source_shortest_path_length(graph.reverse(copy=False), changed),
}


def ask(nodes: int = NODES, edges: int = EDGES, rounds: int = ROUNDS) -> Answer:
    """Ask both sides by turns. Raises RuntimeError for a process that fails."""
    usual = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER)
    try:
        rows = _questions(parts(nodes, edges), rounds)
    finally:
        gc.set_threshold(*usual)
    conditions = {
        "nodes": nodes,
        "edges": edges,
        "rounds": rounds,
        "time": "user time of one process; both sides by turns",
        "networkx": nx.__version__,
    }
    return Answer("graphs", conditions, (*rows, *_documents(nodes, edges, rounds)))


def _questions(given: Parts, rounds: int) -> list[Row]:
    own: dict[str, list[float]] = {name: [] for name in (*_OWN, "made")}
    peer: dict[str, list[float]] = {name: [] for name in (*_OWN, "made")}
    graph, changed = own_graph(given), given.keys[3]
    for _, name in product(range(rounds), _OWN):
        own[name].append(user_s_of(lambda name=name: _OWN[name](graph, changed)))
        peer[name].append(user_s_of(lambda name=name: _PEER[name](peer_graph(given), changed)))
    for _ in range(rounds):
        own["made"].append(user_s_of(lambda: own_graph(given)))
        peer["made"].append(user_s_of(lambda: peer_graph(given)))
    answers = [Row(name, "s", tuple(own[name]), 1.2, "networkx", tuple(peer[name]), relative=True) for name in _OWN]
    return [*answers, Row("made from keys and pairs", "s", tuple(own["made"]), None, "networkx", tuple(peer["made"]))]


def _documents(nodes: int, edges: int, rounds: int) -> list[Row]:
    with scratch() as folder:
        costs = [
            cost_of([sys.executable, "-m", "benchmarks.graphs", side, str(nodes), str(edges), str(folder / side)])
            for side in tuple(_WRITERS) * rounds
        ]
    own, peer = costs[0::2], costs[1::2]
    return [
        Row(
            "JSON written to a file",
            "s",
            tuple(float(each.output) for each in own),
            2.0,
            "networkx",
            tuple(float(each.output) for each in peer),
            relative=True,
            note="networkx' own time varies by half between rounds; other runs gave 1.82 x and 2.44 x",
        ),
        Row(
            "JSON written to a file, memory",
            "MiB",
            tuple(each.peak_mib for each in own),
            600,
            "networkx",
            tuple(each.peak_mib for each in peer),
        ),
    ]


def _write_own(given: Parts, path: Path) -> None:
    document = graph_document(own_graph(given), organization="acme", from_="repository", warnings=())
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json_chunks(document))


def _write_peer(given: Parts, path: Path) -> None:
    graph = peer_graph(given)
    data = nx.node_link_data(graph, edges="edges") | {
        "waves": list(nx.topological_generations(graph)),
        "cycles": [list(each) for each in nx.strongly_connected_components(graph) if len(each) > 1],
    }
    path.write_text(json.dumps(data), encoding="utf-8")


_WRITERS = {"penstock": _write_own, "networkx": _write_peer}


def main(words: Sequence[str]) -> None:
    """`python -m benchmarks.graphs SIDE NODES EDGES FILE`: one side writes its document; prints its user seconds."""
    side, nodes, edges, path = words
    gc.set_threshold(_COLLECT_AFTER)
    given = parts(int(nodes), int(edges))
    print(user_s_of(lambda: _WRITERS[side](given, Path(path))))


if __name__ == "__main__":
    main(sys.argv[1:])
