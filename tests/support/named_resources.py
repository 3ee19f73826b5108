"""Finds the resources that a flow file names, in a plain walk over its YAML: a second opinion on the reader's.

It shares no code with the product. Its rules are those of the shapes that real exports have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

_BY_KEY = {
    "acdSkill": "skill",
    "contactList": "contact-list",
    "defaultLanguageSkill": "language-skill",
    "emergencyGroup": "emergency-group",
    "flowOutcome": "flow-outcome",
    "languageSkill": "language-skill",
    "milestone": "flow-milestone",
    "queue": "queue",
    "scheduleGroup": "schedule-group",
    "selectedSchedule": "schedule",
    "surveyForm": "survey-form",
    "targetGroup": "group",
    "targetQueue": "queue",
    "wrapupCode": "wrap-up-code",
}
_NAMES_AS_KEYS = {"dataTable": "data-table", "screenPopScript": "script", "settingsKnowledge": "knowledge-base"}
_FUNCTION = re.compile(r'\bFind(EmergencyGroup|Queue|Schedule|ScheduleGroup|Skill|Group)\(\s*"([^"]+)"\s*\)')
_FUNCTIONS = {
    "EmergencyGroup": "emergency-group",
    "Group": "group",
    "Queue": "queue",
    "Schedule": "schedule",
    "ScheduleGroup": "schedule-group",
    "Skill": "skill",
}
_TEXT = re.compile(r'"[^"]*"')
_PROMPT = re.compile(r"\bPrompt(System)?\.(\w+)")


@dataclass(frozen=True, slots=True)
class NamedResource:
    kind: str
    name: str
    line: int
    """The line of the name, from 1."""


def named_resources(text: str) -> list[NamedResource]:
    """All that the file names, in document order."""
    return list(_walk(yaml.compose(text, yaml.SafeLoader), ()))


def _walk(node: yaml.Node | None, way: tuple[str, ...]) -> Iterator[NamedResource]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, way)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _at(key, value, way)
            yield from _walk(value, (*way, key.value))


def _at(key: yaml.Node, value: yaml.Node, way: tuple[str, ...]) -> Iterator[NamedResource]:
    if key.value == "division" and len(way) == 1:
        yield _named("division", value)
    elif key.value == "category" and isinstance(value, yaml.MappingNode):
        yield from _data_actions(value)
    elif key.value in _NAMES_AS_KEYS:
        yield from (_named(_NAMES_AS_KEYS[key.value], name) for name in _keys(value) if name.value != "none")
    elif key.value == "findName" and way[-1] == "findQueue":
        yield from _found(_entry(value, "lit"))
    elif key.value in {"prompt", "exp"} and isinstance(value, yaml.ScalarNode):
        yield from _in_expression(value, _line(key))
    elif key.value == "name":
        yield from _by_way(value, way)


def _data_actions(categories: yaml.MappingNode) -> Iterator[NamedResource]:
    for category, content in categories.value:
        for action in _keys(_entry(content, "dataAction")):
            yield NamedResource("data-action", f"{category.value} / {action.value}", _line(action))


def _found(literal: yaml.Node | None) -> Iterator[NamedResource]:
    if isinstance(literal, yaml.ScalarNode):
        yield _named("queue", literal)


def _by_way(value: yaml.Node, way: tuple[str, ...]) -> Iterator[NamedResource]:
    """`targetQueue: {lit: {name: N}}`, `queueVariable: {initialValue: {lit: {name: N}}}`."""
    literal = way[-1] == "lit"
    around = [each.removesuffix("Variable") for each in (way[:-1] if literal else way)]
    prompt = _PROMPT.fullmatch(value.value) if literal else None
    if prompt is not None:
        yield NamedResource("system-prompt" if prompt[1] else "user-prompt", prompt[2], _line(value))
    elif literal and around[-1] in {"initialValue", "value"} and around[-2] in _BY_KEY:
        yield _named(_BY_KEY[around[-2]], value)
    elif around[-1] in _BY_KEY and (literal or way[-1] in {"flowOutcome", "milestone", "surveyForm"}):
        yield _named(_BY_KEY[around[-1]], value)


def _in_expression(value: yaml.ScalarNode, line: int) -> Iterator[NamedResource]:
    for function, name in _FUNCTION.findall(value.value):
        yield NamedResource(_FUNCTIONS[function], name, line)
    for system, name in _PROMPT.findall(_TEXT.sub("", value.value)):
        yield NamedResource("system-prompt" if system else "user-prompt", name, line)


def _named(kind: str, node: yaml.Node) -> NamedResource:
    return NamedResource(kind, node.value, _line(node))


def _keys(node: yaml.Node | None) -> list[yaml.Node]:
    return [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


def _entry(node: yaml.Node, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
