"""A flow's content as a tree of Architect's elements: the flow, its tasks, menus, states, actions, variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from controller.domain.redaction import is_secret_name
from controller.flows.canonical import digest
from controller.flows.diff_model import one_line, quoted
from controller.flows.settings import HIDDEN, FlatSettings, Setting, View, flatten
from controller.flows.source_nodes import CONTAINERS, branch_label, element_of, is_container
from controller.flows.walk import ACTION_LISTS, Place, walk

_NUMBERS = frozenset({"trackingId", "refId"})
"""Numbers that Architect gives, and may change on any save."""
_OWN_STATES = {"startUpState": "start-up state", "periodicState": "recurring state"}
_NUMBER = re.compile(r"_(\d+)\Z")


@dataclass(slots=True, eq=False)
class Element:
    """One element as Architect shows it, without the elements inside it."""

    kind: str
    """`flow`, `task`, `menu`, `state`, `bot`, `action` or `variable`."""
    type: str
    """The key in the file: `playAudio`, `stringVariable`, `task`."""
    name: str
    slot: str
    """The output of its parent that it is in (`yes`), or empty."""
    number: str
    """Architect's number for it. It survives a change of name, but not every save."""
    parent: Element | None
    settings: FlatSettings = field(default_factory=FlatSettings)
    children: list[Element] = field(default_factory=list)
    mark: str = ""
    """The digest of its settings without its name."""
    whole: str = ""
    """The digest of its settings and of all elements inside it."""

    @property
    def title(self) -> str:
        """Its name in an entry of a diff."""
        name = f" {quoted(self.name)}" if self.name else ""
        if self.kind in ("action", "variable"):
            return f"{self.kind}{name} ({self.type})"
        return f"{_OWN_STATES.get(self.type, self.kind)}{name}"

    @property
    def where(self) -> str:
        """The path to it, from below the flow down to its parent and its output."""
        steps: list[str] = []
        element: Element | None = self
        while element is not None and element.parent is not None:
            if element.slot:
                steps.append(one_line(element.slot))
            element = element.parent
            if element.parent is not None:
                steps.append(element.title)
        return " > ".join(reversed(steps))


def elements(document: Mapping[str, object]) -> list[Element]:
    """All elements of a parsed Archy document in document order, starting with the flow."""
    root, content = next(iter(document.items()))
    places = list(walk(root, content))
    found: dict[int, Element] = {}
    for place in places:
        if place.parent is None or place.is_action or is_container(place) or _is_variable(place):
            parent, slot = _surrounding(place, found)
            element = _element(place, parent, slot)
            found[id(place)] = element
            if parent is not None:
                parent.children.append(element)
    settled = [(found[id(place)], place.value) for place in places if id(place) in found]
    targets = _targets(settled)
    for element, value in settled:
        _settle(element, value, targets)
    for element in reversed(found.values()):
        element.whole = digest([element.type, element.name, element.mark, [child.whole for child in element.children]])
    return list(found.values())


def _element(place: Place, parent: Element | None, slot: str) -> Element:
    content = place.value if isinstance(place.value, Mapping) else {}
    name, ref = content.get("name"), content.get("refId")
    number = _NUMBER.search(ref) if isinstance(ref, str) else None
    kind = "flow" if parent is None else "action" if place.is_action else str(place.key)
    if _is_variable(place):
        kind = "variable"
    elif kind in _OWN_STATES:
        kind = "state"
    return Element(
        kind, str(place.key), name if isinstance(name, str) else "", slot, number[1] if number else "", parent
    )


def _is_variable(place: Place) -> bool:
    """Whether it is an item of a list of variables: `- stringVariable: {name: Task.x, ...}`."""
    item = place.parent
    if item is None or item.parent is None or not isinstance(item.key, int) or item.parent.key != "variables":
        return False
    return isinstance(place.value, Mapping) and str(place.key).endswith("Variable")


def _surrounding(place: Place, found: Mapping[int, Element]) -> tuple[Element | None, str]:
    slot = ""
    around = place.parent
    while around is not None:
        if around.key in ACTION_LISTS and isinstance(around.value, list) and place.is_action and not slot:
            slot = branch_label(around)
        if id(around) in found:
            return found[id(around)], slot
        around = around.parent
    return None, slot


def _targets(settled: Iterable[tuple[Element, object]]) -> dict[tuple[str, str], str]:
    """The titles of the targets of jumps, by kind and refId (or name)."""
    targets: dict[tuple[str, str], str] = {}
    for element, value in settled:
        ref = value.get("refId") if isinstance(value, Mapping) else None
        for key in (ref, element.name):
            if isinstance(key, str) and key:
                targets.setdefault((element.type, key), element.title)
    return targets


def _settle(element: Element, value: object, targets: Mapping[tuple[str, str], str]) -> None:
    """Give an element its settings: its content without its name and without the elements inside it."""
    if isinstance(value, Mapping):
        named = isinstance(value.get("name"), str)
        content = {key: item for key, item in value.items() if not (key == "name" and named)}
        if element.parent is None:
            content = {key: item for key, item in content.items() if not _is_part(key, item)}
        secret = element.kind == "variable" and is_secret_name(element.name)
        element.settings = flatten(content, _view(targets), secret=secret)
    elif value is not None:
        element.settings = FlatSettings({("value",): Setting(repr(value))})
    table = [[list(path), setting.text] for path, setting in sorted(element.settings.values.items())]
    orders = [[list(path), list(order)] for path, order in sorted(element.settings.orders.items())]
    element.mark = digest([table, orders])


def _is_part(key: str, value: object) -> bool:
    """Whether an entry at the top level of a flow holds elements: tasks, menus, states, bots."""
    if key in _OWN_STATES:
        return isinstance(value, Mapping)
    kind = next((kind for kind, holder in CONTAINERS.items() if holder == key), None)
    if kind is None or not isinstance(value, list):
        return False
    return all(isinstance(item, Mapping) and set(item) == {kind} and isinstance(item[kind], Mapping) for item in value)


def _view(targets: Mapping[tuple[str, str], str]) -> View:
    """Entries without elements and Architect's own numbers. Jumps show the name of their target."""

    def view(key: str, value: object) -> object:
        if key in _NUMBERS and isinstance(value, str | int | float | None):
            return HIDDEN
        if _holds_elements(key, value):
            return HIDDEN
        if key == "referencedObjects" and isinstance(value, Mapping | list):
            return HIDDEN
        named = element_of(value) if key.endswith("Ref") and isinstance(value, str) else None
        return targets.get(named, value) if named else value

    return view


def _holds_elements(key: str, value: object) -> bool:
    """Whether it is a list of actions or of variables."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return False
    entries = [list(item.items()) for item in value]
    variables = all(
        len(own) == 1 and own[0][0].endswith("Variable") and isinstance(own[0][1], Mapping) for own in entries
    )
    return key in ACTION_LISTS or (key == "variables" and variables)
