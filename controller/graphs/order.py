"""The deployment order: dependencies first, the same for the same input, with waves for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx


def waves(depends_on: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """For each id the length of the longest chain of dependencies that ends in it, from 1.

    `depends_on` must be free of cycles; ids outside of it are ignored. Linear in nodes and edges.
    Raises ValueError when there is a cycle.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(depends_on)
    graph.add_edges_from((below, id_) for id_, belows in depends_on.items() for below in belows if below in depends_on)
    try:
        generations = list(nx.topological_generations(graph))
    except nx.NetworkXUnfeasible as error:
        raise ValueError(f"a cycle runs through some of {sorted(depends_on)}") from error
    return {id_: number for number, generation in enumerate(generations, start=1) for id_ in generation}


def deployment_order(depends_on: Mapping[str, Sequence[str]]) -> list[str]:
    """The ids by wave and, within a wave, by id: a topological order that does not depend on the order of the input."""
    wave = waves(depends_on)
    return sorted(depends_on, key=lambda id_: (wave[id_], id_))
