"""The nodes and transitions of a definition, as executions move along them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

JSON = dict[str, object]


@dataclass(frozen=True, slots=True)
class Way:
    """A transition, seen from the node that it leaves."""

    target: str
    condition: str | None


@dataclass(frozen=True, slots=True)
class DefinitionGraph:
    nodes: Mapping[str, Mapping[str, object]]
    ways: Mapping[str, tuple[Way, ...]]
    start: str | None
    """Where an execution begins: the first node that no transition leads to, or the first one."""

    def text(self, node: str, name: str) -> str:
        """One of a node's texts; empty when it has none."""
        value = self.nodes[node].get(name)
        return value if isinstance(value, str) else ""


def graph_of(definition: Mapping[str, object]) -> DefinitionGraph:
    """The graph of a definition; nodes that are no objects and transitions to unknown nodes are left out."""
    given, transitions = definition.get("nodes"), definition.get("transitions")
    nodes = {str(key): node for key, node in given.items() if isinstance(node, dict)} if isinstance(given, dict) else {}
    ways: dict[str, tuple[Way, ...]] = {}
    reached: set[str] = set()
    for transition in transitions if isinstance(transitions, list) else []:
        if not isinstance(transition, dict):
            continue
        source, target, condition = str(transition.get("from")), str(transition.get("to")), transition.get("condition")
        if source in nodes and target in nodes:
            way = Way(target, condition if isinstance(condition, str) and condition else None)
            ways[source] = (*ways.get(source, ()), way)
            reached.add(target)
    start = next((node for node in nodes if node not in reached), next(iter(nodes), None))
    return DefinitionGraph(nodes, ways, start)
