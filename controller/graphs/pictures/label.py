"""The labels of nodes and edges in exports."""

from __future__ import annotations

from collections.abc import Mapping

from controller.graphs.model import Edge, Node, Presence

PRESENCE_COLORS = {Presence.REPOSITORY: "#1a7f37", Presence.LIVE: "#bc4c00"}
"""Colours of the changes that an apply would make; words always say the same."""

_NODES: Mapping[Presence, str] = {Presence.REPOSITORY: "not in the organisation", Presence.LIVE: "(only live)"}
_RESOURCES: Mapping[Presence, str] = {Presence.REPOSITORY: "(not used live)", Presence.LIVE: "(only used live)"}
_EDGES: Mapping[Presence, str] = {Presence.REPOSITORY: "not live", Presence.LIVE: "only live"}


def details(node: Node) -> str:
    """The known details in this order: `inboundcall 13.0 published Healthy`."""
    health = node.health.value if node.health else ""
    words = _RESOURCES if node.resource else _NODES
    presence = words.get(node.presence, "") if node.presence else ""
    return " ".join(part for part in (node.type, node.version or "", node.status or "", health, presence) if part)


def edge_words(edge: Edge) -> str:
    """The output behind an edge, and the one side that has it; empty for most edges."""
    presence = _EDGES.get(edge.presence, "") if edge.presence else ""
    return ", ".join(part for part in (edge.label, presence) if part)
