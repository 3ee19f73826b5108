"""What a version refers to, from the nodes of its definition that name a flow.

A node that refers to a flow is `{"type": "callCommonModule" | "transferToFlow" | ..., "name": ..., "flow": {"id",
"name", "type"}}`; a node without `flow` refers to none. An expression instead of a name (`"flow": {"expression"}`)
is dynamic. Both this reader and the simulator keep to this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from controller.domain.references import FlowReference, Resolution

_BINDING = frozenset({"callCommonModule", "callBotFlow", "callDigitalBotFlow"})


def references_of(definition: Mapping[str, object]) -> Sequence[FlowReference]:
    """The flows that a definition calls, transfers or hands over to, in the order of their nodes."""
    nodes = definition.get("nodes")
    return list(_from_nodes(nodes)) if isinstance(nodes, dict) else []


def _from_nodes(nodes: Mapping[str, object]) -> Iterator[FlowReference]:
    for node_id, node in nodes.items():
        target = node.get("flow") if isinstance(node, dict) else None
        if not isinstance(node, dict) or not isinstance(target, dict):
            continue
        name, expression = _text(target.get("name")), _text(target.get("expression"))
        if name is None and expression is None:
            continue
        action, flow_type = _text(node.get("type")) or "unknown", _text(target.get("type"))
        yield FlowReference(
            name=name or expression or "",
            types=(flow_type.lower(),) if flow_type else (),
            action=action,
            path=f"definition.nodes.{node_id}",
            resolution=Resolution.STATIC if name else Resolution.DYNAMIC,
            binds_at_publish=action in _BINDING,
            flow_id=_text(target.get("id")),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
