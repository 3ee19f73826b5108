"""Graphs as a text tree: consumers at the root, what they consume below. Each node's branch is drawn once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from controller.domain.references import Resolution
from controller.planning.components import strongly_connected
from controller.planning.graph_export.label import details
from controller.planning.graph_export.model import Graph, Node, Unanswered
from controller.planning.rendering.visible import visible


def graph_text(graph: Graph) -> str:
    """The tree; ends with a newline. Linear in the graph, because a branch that was drawn is only named again."""
    if not graph.nodes:
        return "No flows.\n"
    return "".join(f"{line}\n" for line in _Tree(graph).lines())


class _Tree:
    def __init__(self, graph: Graph) -> None:
        self._nodes: Mapping[str, Node] = {node.key: node for node in graph.nodes}
        self._consumed = graph.consumed()
        self._roots = _roots(graph, self._consumed)
        self._unanswered: dict[str, list[Unanswered]] = {}
        for item in graph.unanswered:
            self._unanswered.setdefault(item.consumer, []).append(item)
        self._drawn: set[str] = set()

    def lines(self) -> Iterator[str]:
        for root in self._roots:
            yield from self._branch(root)

    def _branch(self, root: str) -> Iterator[str]:
        """Depth first on a stack of our own: chains of flows may be longer than Python's recursion goes."""
        stack: list[tuple[str, str, str]] = [(root, "", "")]
        while stack:
            key, first, rest = stack.pop()
            known = key in self._drawn
            self._drawn.add(key)
            children = () if known else self._consumed[key]
            again = " (see above)" if known and self._consumed[key] else ""
            yield f"{first}{_words(self._nodes[key])}{again}"
            if not known:
                yield from self._open_ends(key, rest, followed=bool(children))
            for position, child in enumerate(reversed(children)):
                last = position == 0
                stack.append((child, f"{rest}{'└── ' if last else '├── '}", f"{rest}{'    ' if last else '│   '}"))

    def _open_ends(self, key: str, rest: str, *, followed: bool) -> Iterator[str]:
        items = self._unanswered.get(key, [])
        for position, item in enumerate(items):
            branch = "├── " if followed or position + 1 < len(items) else "└── "
            verdict = "missing" if item.resolution is Resolution.STATIC else f"{item.resolution}, decided at run time"
            yield f"{rest}{branch}{visible(item.name)!r} ({verdict}: {visible(item.path)})"


def _words(node: Node) -> str:
    return f'"{visible(node.name)}"  {visible(details(node))}{"" if node.managed else "  (unmanaged)"}'


def _roots(graph: Graph, consumed: Mapping[str, Sequence[str]]) -> list[str]:
    """The first node of each component that nothing outside of the component consumes, in order of key."""
    components = strongly_connected([node.key for node in graph.nodes], consumed)
    home = {key: index for index, component in enumerate(components) for key in component}
    entered = {home[edge.consumed] for edge in graph.edges if home[edge.consumer] != home[edge.consumed]}
    return sorted(component[0] for index, component in enumerate(components) if index not in entered)
