"""Orders flows that consume each other, and makes their changes one group."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from controller.domain.identity import FlowKey
from controller.graphs.components import strongly_connected
from controller.planning import block
from controller.planning.draft import Draft


def in_order(
    component: Sequence[FlowKey], edges: Mapping[FlowKey, Sequence[FlowKey]], binds_at_publish: Collection[str]
) -> list[FlowKey]:
    """The members of a component in the order of their deployment.

    A module comes before the members that keep its version. Everything else keeps its order, also modules that consume
    each other.
    """
    members = frozenset(component)
    bound = {key: [callee for callee in edges[key] if callee.type in binds_at_publish] for key in members}
    return [key for part in strongly_connected(component, bound) for key in part]


def as_one(drafts: Sequence[Draft]) -> list[Draft]:
    """The changes of one component as a group. If one of them is blocked, all are.

    Members without a change are part of the cycle, but not of the group.
    """
    writing = tuple(draft.id for draft in drafts if draft.writes)
    if len(writing) < 2:
        return list(drafts)
    together = block.of_one_group() if any(draft.blocked for draft in drafts) else None
    return [replace(draft, group=writing).block(together) if draft.writes else draft for draft in drafts]
