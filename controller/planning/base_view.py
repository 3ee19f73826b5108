"""Compares the plan of a branch with the plan of its base: what of it the branch causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from controller.domain.desired import DesiredFlow
from controller.planning.model import BaseView, Change, ChangeKind, Drift, Plan

_OF_CONTENT = frozenset({"origin", "source"})
"""The parts of a desired flow that are no settings."""
_EFFECT = (
    "key",
    "kind",
    "flow_id",
    "from_version",
    "to_version",
    "reason",
    "depends_on",
    "group",
    "blocked",
    "warnings",
)
"""Two changes are the same for a reviewer if these fields and the desired content are."""


def against_base(head: Plan, base: Plan, ref: str, policy: tuple[str, ...] = ()) -> Plan:
    """The plan of the head with its view against the plan of the base; both from one observation, with refusals.

    `policy` are the keys of the organisation's manifest that the branch changes. The plan itself, and its digest, stay
    the same.
    """
    before = {change.flow: change for change in base.changes}
    after = {change.flow: change for change in head.changes}
    flows = tuple(each.flow for each in head.actions if _differs(each, before.get(each.flow)))
    vanished = tuple(each for each in base.actions if not _acts(after.get(each.flow)))
    known = {_standing(each) for each in base.drift}
    drift = tuple(each for each in head.drift if _standing(each) not in known)
    refused = {(each.flow, each.code) for each in base.held_back}
    listed = {*flows, *(each.flow for each in vanished), *(each.flow for each in drift)}
    view = BaseView(
        ref=ref,
        revision=base.revision,
        flows=flows,
        vanished=vanished,
        settings=tuple(each for each in _other_settings(before, after) if each not in listed),
        policy=policy,
        drift=drift,
        held_back=tuple(each for each in head.held_back if (each.flow, each.code) not in refused),
        hidden_changes=len(head.actions) - len(flows),
        hidden_drift=len(head.drift) - len(drift),
    )
    return replace(head, view=view)


def _acts(change: Change | None) -> bool:
    return change is not None and change.kind is not ChangeKind.NONE


def _differs(change: Change, before: Change | None) -> bool:
    if before is None or not _acts(before):
        return True
    effects = (tuple(getattr(each, name) for name in _EFFECT) for each in (change, before))
    return len({*effects}) > 1 or _wanted(change) != _wanted(before)


def _wanted(change: Change) -> str | None:
    return change.desired.wanted if change.desired is not None else None


def _standing(drift: Drift) -> tuple[object, ...]:
    """What tells one drift from another; its words may name other flows of the plan."""
    return (drift.flow, drift.key, drift.kind, drift.expected, drift.actual)


def _other_settings(before: Mapping[str, Change], after: Mapping[str, Change]) -> list[str]:
    """The flows with a manifest on one side only, or with other settings; sorted."""
    sides = [
        {flow: change.desired for flow, change in side.items() if change.desired is not None}
        for side in (before, after)
    ]
    one, other = sides
    return sorted(flow for flow in {*one, *other} if _settings(one.get(flow)) != _settings(other.get(flow)))


def _settings(flow: DesiredFlow | None) -> list[object] | None:
    if flow is None:
        return None
    return [getattr(flow, each.name) for each in fields(flow) if each.name not in _OF_CONTENT]
