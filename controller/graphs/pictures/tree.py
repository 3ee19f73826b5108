"""Renders a graph as a text tree: consumers at the root, the nodes they consume below, each branch once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from controller.domain.references import Resolution
from controller.domain.visible import visible
from controller.graphs.components import strongly_connected
from controller.graphs.model import Graph, Node, Unanswered
from controller.graphs.pictures.label import details, edge_words

MAX_DEPTH = 24
"""Deeper branches continue at the left margin, so that the lines of a long chain fit the screen."""

_VERDICTS = {
    Resolution.STATIC: "missing",
    Resolution.DYNAMIC: "decided at run time",
    Resolution.UNKNOWN: "of a kind that is not known",
}


def graph_text(graph: Graph) -> str:
    """The tree, ending with a newline. Linear in the graph, because a branch that was drawn is only named again."""
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
        self._words = _edge_words(graph)
        self._drawn: set[str] = set()
        self._waiting = deque(self._roots)

    def lines(self) -> Iterator[str]:
        while self._waiting:
            key = self._waiting.popleft()
            if key not in self._drawn:
                yield from self._branch(key)

    def _branch(self, root: str) -> Iterator[str]:
        """Depth first with an explicit stack, because chains of flows may exceed Python's recursion limit."""
        stack: list[tuple[str, str, str, int]] = [(root, "", "", 0)]
        while stack:
            key, first, rest, depth = stack.pop()
            children, remark = self._children(key, depth)
            yield f"{first}{_words(self._nodes[key])}{remark}"
            if not remark and key in self._unanswered:
                yield from self._open_ends(key, rest, followed=bool(children))
            for position, child in enumerate(reversed(children)):
                branch, trunk = ("└── ", "    ") if position == 0 else ("├── ", "│   ")
                words = self._words.get((key, child), "")
                stack.append((child, rest + branch + words, rest + trunk, depth + 1))

    def _children(self, key: str, depth: int) -> tuple[Sequence[str], str]:
        """The children to draw here, or a remark about the place where they are drawn."""
        children = self._consumed[key]
        if key in self._drawn:
            return (), " (see above)" if children or key in self._unanswered else ""
        if depth == MAX_DEPTH and children:
            self._waiting.append(key)
            return (), " (see below)"
        self._drawn.add(key)
        return children, ""

    def _open_ends(self, key: str, rest: str, *, followed: bool) -> Iterator[str]:
        items = self._unanswered[key]
        for position, item in enumerate(items):
            branch = "├── " if followed or position + 1 < len(items) else "└── "
            yield f'{rest}{branch}"{visible(item.name)}" ({_VERDICTS[item.resolution]}: {visible(item.path)})'


def _words(node: Node) -> str:
    known = node.managed or node.resource or node.presence is not None
    return f'"{visible(node.name)}"  {visible(details(node))}{"" if known else "  (unmanaged)"}'


def _edge_words(graph: Graph) -> dict[tuple[str, str], str]:
    """The words before a child: how its parent leads to it."""
    found: dict[tuple[str, str], list[str]] = {}
    for edge in graph.edges:
        words = edge_words(edge)
        if words:
            found.setdefault((edge.consumer, edge.consumed), []).append(visible(words))
    return {pair: f"[{' / '.join(words)}] " for pair, words in found.items()}


def _roots(graph: Graph, consumed: Mapping[str, Sequence[str]]) -> list[str]:
    """The first node of each component without outside consumers, in order of key."""
    components = strongly_connected([node.key for node in graph.nodes], consumed)
    home = {key: index for index, component in enumerate(components) for key in component}
    entered = {home[edge.consumed] for edge in graph.edges if home[edge.consumer] != home[edge.consumed]}
    return sorted(component[0] for index, component in enumerate(components) if index not in entered)
