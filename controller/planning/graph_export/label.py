"""What an export writes beside a node's name."""

from __future__ import annotations

from controller.planning.graph_export.model import Node


def details(node: Node) -> str:
    """`inboundcall 13.0 published Healthy`: what is known, in this order."""
    version = node.version or ("" if node.status else "not in the organisation" if node.managed else "")
    health = node.health.value if node.health else ""
    return " ".join(part for part in (node.type, version, node.status or "", health) if part)
