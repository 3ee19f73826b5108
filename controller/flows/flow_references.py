"""Finds the flows that a flow calls, transfers to or hands over to, in its Archy YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from controller.domain.references import BINDING_TYPES, FlowReference, Resolution
from controller.flows.roots import api_type, inqueue_types, post_flow_types, transfer_types
from controller.flows.source_nodes import surroundings
from controller.flows.targets import CALLED_RESOURCES, keyed_targets, literal_name, target_in
from controller.flows.walk import Place
from controller.flows.yaml_events import Position

CALLED_BY_KEY: Mapping[str, tuple[str, ...]] = {
    "botFlow": ("bot",),
    "commonModule": ("commonmodule",),
    "digitalBotFlow": ("digitalbot",),
    "voiceFlow": ("voice",),
}
"""Keys below a `call...` action with names of flows as their own keys, and the types of those flows."""
_LATEST_PUBLISHED = "ver_latestPublished"
_VERSION = "ver_"


def flow_references(
    places: Iterable[Place], flow_type: str, begin_of: Callable[[object], Position | None]
) -> Iterator[FlowReference]:
    """The references at the places of a walk, in order, one each; `begin_of` gives a mapping's position in the file."""
    for place in places:
        if isinstance(place.key, str) and isinstance(place.value, dict) and _may_refer(place.key, place.value):
            for reference in _references_at(place, place.key, place.value, flow_type):
                yield replace(reference, where=surroundings(place), position=begin_of(place.value))


def _may_refer(key: str, value: Mapping[str, object]) -> bool:
    """Whether a mapping has to be looked at: two in a hundred, and this takes a tenth of the time of a look."""
    return key in CALLED_BY_KEY or key.endswith("Flow") or _VERSION in "\n".join(value)


def _references_at(place: Place, key: str, value: Mapping[str, object], flow_type: str) -> Iterator[FlowReference]:
    in_action = place.action is not None and not place.is_action
    if in_action and key in CALLED_BY_KEY and place.action_kind.startswith("call"):
        yield from _called(place, value, CALLED_BY_KEY[key])
    elif in_action and key == "targetFlow":
        yield from _targeted(place, _transfer_target(place.action_kind, flow_type))
    elif in_action and key == "overrideInQueueFlow":
        yield from _targeted(place, inqueue_types(flow_type))
    elif any(entry.startswith(_VERSION) for entry in value) and not _is_called(place):
        yield _reference(place, key, (), Resolution.UNKNOWN)
    elif in_action and key.endswith("Flow"):
        name = literal_name(value)
        if name is not None and set(value) <= {"name", "lit"}:
            yield _reference(place, name, (), Resolution.UNKNOWN)


def _called(place: Place, value: Mapping[str, object], types: tuple[str, ...]) -> Iterator[FlowReference]:
    for name, resolution in keyed_targets(value):
        call = value.get(name)
        binds = types[0] in BINDING_TYPES and isinstance(call, Mapping) and _LATEST_PUBLISHED in call
        yield replace(_reference(place, name, types, resolution), binds_at_publish=binds)


def _is_called(place: Place) -> bool:
    parent = place.parent
    called = {*CALLED_BY_KEY, *CALLED_RESOURCES}
    return parent is not None and parent.key in called and parent.action_kind.startswith("call")


def _targeted(place: Place, types: tuple[str, ...]) -> Iterator[FlowReference]:
    target = target_in(place.value)
    if target is not None:
        yield _reference(place, target[0], types, target[1])


def _transfer_target(action: str, flow_type: str) -> tuple[str, ...]:
    if action.endswith("Secure"):
        return ("securecall",)
    return post_flow_types(flow_type) if action == "setPostFlow" else transfer_types(flow_type)


def _reference(place: Place, name: str, types: tuple[str, ...], resolution: Resolution) -> FlowReference:
    path = place.path if place.action is None else place.action.path
    return FlowReference(name, types, place.action_kind, path, resolution)


def narrowed(references: Iterable[FlowReference], index: object) -> tuple[FlowReference, ...]:
    """The references, limited to the types in the export's own index (`referencedObjects`) if they match.

    The index is only a cross-check: it adds no reference and does not override the types of the action.
    """
    declared = _declared_types(index)
    return tuple(_narrow(reference, declared.get(reference.name, set())) for reference in references)


def _narrow(reference: FlowReference, declared: set[str]) -> FlowReference:
    if reference.resolution is Resolution.DYNAMIC or not declared:
        return reference
    fitting = tuple(kind for kind in reference.types or sorted(declared) if kind in declared)
    return replace(reference, types=fitting) if fitting else reference


def _declared_types(index: object) -> dict[str, set[str]]:
    flows = index.get("flows") if isinstance(index, Mapping) else None
    declared: dict[str, set[str]] = {}
    for item in flows if isinstance(flows, list) else ():
        flow = item.get("flow") if isinstance(item, Mapping) else None
        if isinstance(flow, Mapping) and isinstance(flow.get("name"), str) and isinstance(flow.get("type"), str):
            declared.setdefault(flow["name"], set()).add(api_type(flow["type"]))
    return declared
