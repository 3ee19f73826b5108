"""Finds the resources other than flows that a flow names: queues, data actions, prompts, schedules, ..."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from controller.domain.references import Resolution, ResourceReference
from controller.flows.expressions import FINDERS, named_in
from controller.flows.targets import CALLED_RESOURCES, keyed_targets, literal_name, resource_in
from controller.flows.walk import Place

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
_BUILT_IN = "PromptSystem."
_PROMPT = "Prompt."
_NO_ENGINE = "defaultEngine"


def resource_references(places: Iterable[Place]) -> Iterator[ResourceReference]:
    """The references in the places of a walk, in document order, one for each place."""
    for place in places:
        key, value = place.key, place.value
        if not isinstance(key, str):
            continue
        if isinstance(value, str):
            if key in TELLING_KEYS:
                yield from _in_text(place, value)
        elif isinstance(value, dict) and (key in _MAPPING_KEYS or "lit" in value) and not place.is_action:
            yield from _in_mapping(place, key, value)


def _in_text(place: Place, text: str) -> Iterator[ResourceReference]:
    if place.key == "division" and place.depth == 2:
        yield ResourceReference("division", text, place.path)
    elif place.key == "exp" or (place.key == "prompt" and not text.startswith(_BUILT_IN)):
        for named in named_in(text):
            yield ResourceReference(named.kind, named.name, place.path, named.resolution)


def _in_mapping(place: Place, key: str, value: Mapping[str, object]) -> Iterator[ResourceReference]:
    keyed = KEYED.get(key)
    if keyed is None and key in CALLED_RESOURCES and place.action_kind.startswith("call"):
        keyed = CALLED_RESOURCES[key]
    if key == "category" and place.action_kind.startswith("call"):
        yield from _data_actions(place, value)
    elif keyed is not None:
        for name, resolution in keyed_targets(value):
            if name != _NO_ENGINE:
                yield ResourceReference(keyed, name, place.path, resolution)
    elif key == "engine" and place.parent is not None and place.parent.key == "speechToText":
        yield from _target(place, "stt-engine")
    elif key in ("findName", "findId"):
        yield from _found(place, value)
    elif key in NAMED:
        yield from _target(place, NAMED[key])
    elif "lit" in value and key not in _FLOW_KEYS and literal_name(value) is not None:
        yield from _by_type(place)


def _target(place: Place, kind: str) -> Iterator[ResourceReference]:
    target = resource_in(place.value)
    if target is not None and not target[0].startswith(_BUILT_IN):
        name, resolution = target
        yield ResourceReference(kind, name.removeprefix(_PROMPT), place.path, resolution)


def _data_actions(place: Place, categories: Mapping[str, object]) -> Iterator[ResourceReference]:
    """References to data actions. Their identity has two names: the category (integration) and the action."""
    for category, content in categories.items():
        actions = content.get("dataAction") if isinstance(content, Mapping) else None
        for action, resolution in keyed_targets(actions):
            yield ResourceReference("data-action", f"{category} / {action}", place.path, resolution)


def _found(place: Place, value: Mapping[str, object]) -> Iterator[ResourceReference]:
    """`findQueue: {findName: {lit: N}}`: a literal name, or an expression."""
    action = place.action_kind
    kind = _FIND_ACTIONS.get(action.removesuffix("ById"))
    literal = value.get("lit")
    if action == "findSystemPrompt":
        return
    if isinstance(literal, str) and literal:
        known = Resolution.STATIC if kind is not None and place.key == "findName" else Resolution.UNKNOWN
        yield ResourceReference(kind or "unknown", literal, place.path, known)
        return
    target = resource_in(value)
    if target is not None:
        yield ResourceReference(kind or "unknown", target[0], place.path, target[1])


def _by_type(place: Place) -> Iterator[ResourceReference]:
    """A literal name under a neutral key (`initialValue`, `value`): the enclosing typed key gives the kind."""
    parent = place.parent
    around = str(parent.key).removesuffix("Variable") if parent is not None else ""
    written = (literal_name(place.value) or "") if isinstance(place.value, Mapping) else ""
    name = written.removeprefix(_PROMPT)
    if name.startswith(_BUILT_IN):
        return
    if written.startswith(_PROMPT):
        yield ResourceReference("user-prompt", name, place.path)
    elif place.key in ("initialValue", "value") and around in NAMED:
        yield ResourceReference(NAMED[around], name, place.path)
    else:
        yield ResourceReference("unknown", name, place.path, Resolution.UNKNOWN)
