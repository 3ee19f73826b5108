"""Finds the resources other than flows that a flow names: queues, data actions, prompts, schedules, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from controller.domain.references import Resolution, ResourceReference
from controller.flows.expressions import FINDERS, named_in
from controller.flows.targets import CALLED_RESOURCES, keyed_targets, literal_name, resource_in
from controller.flows.walk import Place
from controller.flows.yaml_events import Position

KEYED: Mapping[str, str] = {
    "dataTable": "data-table",
    "decisionTable": "decision-table",
    "screenPopScript": "script",
    "settingsKnowledge": "knowledge-base",
    "textToSpeech": "tts-engine",
}
"""Keys that hold the names of resources as keys."""
NAMED: Mapping[str, str] = {
    "acdSkill": "skill",
    "contactList": "contact-list",
    "defaultLanguageSkill": "language-skill",
    "directAgent": "user",
    "emergencyGroup": "emergency-group",
    "flowOutcome": "flow-outcome",
    "grammar": "grammar",
    "holdMusic": "user-prompt",
    "knowledgeBase": "knowledge-base",
    "languageSkill": "language-skill",
    "milestone": "flow-milestone",
    "preferredAgents": "user",
    "processingPrompt": "user-prompt",
    "queue": "queue",
    "scheduleGroup": "schedule-group",
    "script": "script",
    "selectedSchedule": "schedule",
    "skill": "skill",
    "surveyForm": "survey-form",
    "targetGroup": "group",
    "targetQueue": "queue",
    "targetUser": "user",
    "user": "user",
    "utilizationLabel": "utilization-label",
    "worktype": "worktype",
    "wrapupCode": "wrap-up-code",
}
"""Keys with a value that names one resource: `{name: N}`, `{lit: {name: N}}`, an expression or a variable."""
_FIND_ACTIONS: Mapping[str, str] = {
    f"f{function[1:]}": kind for function, kind in FINDERS.items() if kind != "wrap-up-code"
}
"""Actions that find resources, called like the functions; none is known that finds wrap-up codes."""
TELLING_KEYS = frozenset({"division", "exp", "prompt"})
"""Keys with texts that may name resources."""
_MAPPING_KEYS = frozenset({*KEYED, *CALLED_RESOURCES, *NAMED, "category", "engine", "findId", "findName"})
"""Keys of mappings that may name resources, besides those with a literal."""
_FLOW_KEYS = frozenset({"targetFlow", "overrideInQueueFlow"})
_PROMPTS: Mapping[str, str] = {"PromptSystem.": "system-prompt", "Prompt.": "user-prompt"}
"""What names of prompts begin with, and the kinds of those prompts."""
_NO_ENGINE = "defaultEngine"
_NOTHING = frozenset({"none", "noValue"})

PositionOf = Callable[[object, str], Position | None]
"""The position of a key in a mapping of the file."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One resource at a place of a walk, and the mapping and the key that name it."""

    kind: str
    name: str
    holder: object = field(repr=False)
    key: str
    resolution: Resolution = Resolution.STATIC
    parts: tuple[str, ...] = ()


def resource_references(
    places: Iterable[Place], position_of: PositionOf, languages: tuple[str, ...] = ()
) -> Iterator[ResourceReference]:
    """The references in the places of a walk, in document order, one for each place.

    User prompts are played in the flow's `languages`.
    """
    for place in places:
        for each in _found_at(place):
            yield ResourceReference(
                each.kind,
                each.name,
                place.path,
                each.resolution,
                parts=languages if each.kind == "user-prompt" else each.parts,
                position=position_of(each.holder, each.key),
            )


def _found_at(place: Place) -> Iterator[_Found]:
    key, value = place.key, place.value
    if not isinstance(key, str):
        return
    if isinstance(value, str):
        if key in TELLING_KEYS:
            yield from _in_text(place, key, value)
    elif isinstance(value, dict) and (key in _MAPPING_KEYS or "lit" in value) and not place.is_action:
        yield from _in_mapping(place, key, value)


def _in_text(place: Place, key: str, text: str) -> Iterator[_Found]:
    holder = place.parent.value if place.parent is not None else None
    if key == "division":
        if place.depth == 2:
            yield _Found("division", text, holder, key)
        return
    for named in named_in(text):
        yield _Found(named.kind, named.name, holder, key, named.resolution)


def _in_mapping(place: Place, key: str, value: Mapping[str, object]) -> Iterator[_Found]:
    keyed = KEYED.get(key)
    if keyed is None and key in CALLED_RESOURCES and place.action_kind.startswith("call"):
        keyed = CALLED_RESOURCES[key]
    if key == "category" and place.action_kind.startswith("call"):
        yield from _data_actions(value)
    elif keyed is not None:
        for name, resolution in keyed_targets(value):
            if name != _NO_ENGINE:
                yield _Found(keyed, name, value, name, resolution, _columns(keyed, value.get(name)))
    elif key == "engine" and place.parent is not None and place.parent.key == "speechToText":
        yield from _target(value, "stt-engine")
    elif key in ("findName", "findId"):
        yield from _looked_up(place, value)
    elif key in NAMED:
        yield from _target(value, NAMED[key])
    elif "lit" in value and key not in _FLOW_KEYS and literal_name(value) is not None:
        yield from _by_type(place, value)


def _columns(kind: str, lookup: object) -> tuple[str, ...]:
    """The columns that a lookup reads from a data table."""
    outputs = lookup.get("foundOutputs") if kind == "data-table" and isinstance(lookup, Mapping) else None
    return tuple(column for column in outputs if column not in _NOTHING) if isinstance(outputs, Mapping) else ()


def _target(value: Mapping[str, object], kind: str) -> Iterator[_Found]:
    target = resource_in(value)
    if target is None:
        return
    name, resolution = target
    if resolution is Resolution.STATIC:
        literal = value.get("lit", value)
        kind, name = _prompt(name) or (kind, name)
        yield _Found(kind, name, literal, "name")
    else:
        yield _Found(kind, name, value, "exp" if "exp" in value else "var", resolution)


def _prompt(name: str) -> tuple[str, str] | None:
    """The kind and the name of a prompt that is named like in an expression: `Prompt.Welcome`."""
    for beginning, kind in _PROMPTS.items():
        if name.startswith(beginning):
            return kind, name.removeprefix(beginning)
    return None


def _data_actions(categories: Mapping[str, object]) -> Iterator[_Found]:
    """References to data actions. Their identity has two names: the category (integration) and the action."""
    for category, content in categories.items():
        actions = content.get("dataAction") if isinstance(content, Mapping) else None
        for action, resolution in keyed_targets(actions):
            yield _Found("data-action", f"{category} / {action}", actions, action, resolution)


def _looked_up(place: Place, value: Mapping[str, object]) -> Iterator[_Found]:
    """`findQueue: {findName: {lit: N}}`: a literal name, or an expression."""
    action = place.action_kind
    kind = _FIND_ACTIONS.get(action.removesuffix("ById"))
    literal = value.get("lit")
    if isinstance(literal, str) and literal:
        known = Resolution.STATIC if kind is not None and place.key == "findName" else Resolution.UNKNOWN
        yield _Found(kind or "unknown", literal, value, "lit", known)
        return
    target = resource_in(value)
    if target is not None:
        yield _Found(kind or "unknown", target[0], value, "exp" if "exp" in value else "var", target[1])


def _by_type(place: Place, value: Mapping[str, object]) -> Iterator[_Found]:
    """A literal name under a neutral key (`initialValue`, `value`): the enclosing typed key gives the kind."""
    parent = place.parent
    around = str(parent.key).removesuffix("Variable") if parent is not None else ""
    name, holder = literal_name(value) or "", value.get("lit")
    prompt = _prompt(name)
    if prompt is not None:
        yield _Found(*prompt, holder, "name")
    elif place.key in ("initialValue", "value") and around in NAMED:
        yield _Found(NAMED[around], name, holder, "name")
    else:
        yield _Found("unknown", name, holder, "name", Resolution.UNKNOWN)
