"""What an export writes beside a node's name and on an edge."""

from __future__ import annotations

from collections.abc import Mapping

from controller.graphs.model import Edge, Node, Presence

PRESENCE_COLORS = {Presence.REPOSITORY: "#1a7f37", Presence.LIVE: "#bc4c00"}
"""What an apply would bring, and what it would take away; never the only sign of it."""

_NODES: Mapping[Presence, str] = {Presence.REPOSITORY: "not in the organisation", Presence.LIVE: "(only live)"}
_RESOURCES: Mapping[Presence, str] = {Presence.REPOSITORY: "(not used live)", Presence.LIVE: "(only used live)"}
_EDGES: Mapping[Presence, str] = {Presence.REPOSITORY: "not live", Presence.LIVE: "only live"}


def details(node: Node) -> str:
    """`inboundcall 13.0 published Healthy`: what is known, in this order."""
    health = node.health.value if node.health else ""
    words = _RESOURCES if node.resource else _NODES
    presence = words.get(node.presence, "") if node.presence else ""
    return " ".join(part for part in (node.type, node.version or "", node.status or "", health, presence) if part)


def edge_words(edge: Edge) -> str:
    """The output that an edge stands for, and on which side alone it is; empty for most."""
    presence = _EDGES.get(edge.presence, "") if edge.presence else ""
    return ", ".join(part for part in (edge.label, presence) if part)
