"""Finds the mistakes in a flow file that Genesys would refuse, each with its line, before an upload.

References inside the file must lead somewhere; references to other files cannot be uploaded; names have limits. A
module that uses a module is only a doubt: the Resource Centre's page has no date.
Sources: Archy's lessons 4 to 6 on references (`/a/b[refId]` from the root, `.` the object that holds the property,
`..` one level up, `file#/path` another file, `refId` unique within its list); Resource Centre, "Create a call flow"
(names of at most 200 characters), on workitem flows (no `/`, no `-debug` at the end), and "Work with common module
flows" (no module within another one).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.references import FlowReference
from controller.flows.flow_file import FlowFile
from controller.flows.suggestion import did_you_mean
from controller.flows.walk import MERGING_KEYS, Place
from controller.flows.yaml_events import Position, mistake_at, position_of, read_events

LONGEST_NAME = 200
"""Largest length of a flow's name, in characters."""
_REFERENCE = re.compile(r"\.{0,2}(?:/[^/\[\]#]+(?:\[[^/\[\]#]*\])?)*\Z")
_STEP = re.compile(r"([^/\[\]]+)(?:\[([^\]]*)\])?")
_MODULE = "commonmodule"
NESTED = "a common module cannot use another common module, as Genesys' Resource Centre says"


@dataclass(frozen=True, slots=True)
class _Flaw:
    way: tuple[str | int, ...]
    message: str
    hint: str


def mistakes(text: str, flow: FlowFile) -> list[FlowFileInvalid]:
    """The mistakes of a flow file that `parse` read, in document order, each with line and column."""
    found = [*_name(flow), *_references(flow.places), *_twice(flow.places)]
    positions = locate(text, {finding.way for finding in found}) if found else {}
    positioned = [mistake_at(positions.get(finding.way, (1, 1)), finding.message, finding.hint) for finding in found]
    return sorted(positioned, key=lambda mistake: (mistake.line, mistake.column))


def nested_modules(flow_type: str, references: Iterable[FlowReference]) -> tuple[FlowReference, ...]:
    """References from a common module to other common modules, which Genesys does not allow."""
    if flow_type != _MODULE:
        return ()
    return tuple(reference for reference in references if reference.types == (_MODULE,))


def locate(text: str, ways: Iterable[tuple[str | int, ...]]) -> dict[tuple[str | int, ...], Position]:
    """The position of each key or list item at these paths; values that an alias repeats have none of their own."""
    wanted = set(ways)
    found: dict[tuple[str | int, ...], Position] = {}
    way: list[str | int | None] = []
    for event in read_events(text):
        if isinstance(event, yaml.CollectionEndEvent):
            way.pop()
            _done(way)
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        is_key = bool(way) and way[-1] is None
        if is_key:
            way[-1] = event.value if isinstance(event, yaml.ScalarEvent) else ""
        here = tuple(step for step in way if step is not None)
        if here in wanted and here not in found:
            found[here] = position_of(event)
        if is_key:
            continue
        if isinstance(event, yaml.CollectionStartEvent):
            way.append(None if isinstance(event, yaml.MappingStartEvent) else 0)
        else:
            _done(way)
    return found


def _done(way: list[str | int | None]) -> None:
    """Step on to the next sibling of the value that was read."""
    if way:
        last = way[-1]
        way[-1] = last + 1 if isinstance(last, int) else None


def _name(flow: FlowFile) -> Iterator[_Flaw]:
    mistake = name_mistake(flow.key.type, flow.key.name)
    if mistake is not None:
        yield _Flaw((flow.root, "name"), *mistake)


def name_mistake(flow_type: str, name: str) -> tuple[str, str] | None:
    """The message and the hint for a name that Genesys does not accept for a flow; None for any other name."""
    if len(name) > LONGEST_NAME:
        return f"the flow's name has {len(name)} characters; Genesys takes at most {LONGEST_NAME}", "shorten the name"
    if flow_type == "workitem" and ("/" in name or name.endswith("-debug")):
        return "the name of a workitem flow holds no '/' and does not end in '-debug'", "choose another name"
    return None


def _references(places: Sequence[Place]) -> Iterator[_Flaw]:
    for place in places:
        value, key = place.value, place.key
        if not isinstance(value, str) or not isinstance(key, str) or not _refers(place):
            continue
        file, mark, inner = value.partition("#")
        if mark and file:
            yield _Flaw(
                _way(place),
                f"{key} leads to another file, {file!r}, and an upload takes one file",
                "run 'archy preprocess' and commit its output in place of this file",
            )
        elif _REFERENCE.match(inner if mark else value):
            yield from _inside(place, inner if mark else value)


def _refers(place: Place) -> bool:
    if place.key in MERGING_KEYS:
        return place.parent is not None and isinstance(place.parent.value, Mapping) and len(place.parent.value) == 1
    return isinstance(place.key, str) and place.key.endswith("Ref")


def _inside(place: Place, reference: str) -> Iterator[_Flaw]:
    steps = reference.split("/")
    first, rest = steps[0], steps[1:]
    # The objects and lists around the property, outermost first; a list item and its only object are one level.
    around = [each for each in place.way()[:-1] if not isinstance(each.key, int)]
    current: object = {str(around[0].key): around[0].value}
    if first in {".", ".."}:
        ups = [first, *rest]
        count = sum(1 for step in ups if step == "..")
        rest = [step for step in ups if step not in {".", ".."}]
        if count >= len(around):
            yield _Flaw(_way(place), f"{place.key} {reference!r} leads above the flow", "shorten it")
            return
        current = around[-1 - count].value
    for step in rest:
        found = _follow(current, step)
        if found is None:
            known = _known(current)
            hint = did_you_mean(step, known) or (f"there is {', '.join(known[:5])}" if known else "remove it")
            yield _Flaw(_way(place), f"{place.key} {reference!r}: there is no {step!r}", hint)
            return
        current = found


def _follow(current: object, step: str) -> object | None:
    match = _STEP.fullmatch(step)
    if match is None:
        return None
    name, identity = match.groups()
    if isinstance(current, Mapping):
        return current.get(name) if identity is None else None
    for item in current if isinstance(current, list) else ():
        inner = item.get(name) if isinstance(item, Mapping) else None
        if isinstance(inner, Mapping) and identity in {inner.get("refId"), inner.get("name")}:
            return inner
    return None


def _known(current: object) -> list[str]:
    """The steps that are possible from here."""
    if isinstance(current, Mapping):
        return [key for key, value in current.items() if isinstance(value, Mapping | list)]
    return [
        f"{kind}[{inner['refId']}]"
        for item in (current if isinstance(current, list) else ())
        if isinstance(item, Mapping)
        for kind, inner in item.items()
        if isinstance(inner, Mapping) and "refId" in inner
    ]


def _twice(places: Sequence[Place]) -> Iterator[_Flaw]:
    seen: Counter[tuple[int, object]] = Counter()
    for place in places:
        if place.key != "refId" or not isinstance(place.value, str):
            continue
        lists = [each for each in place.way()[:-1] if isinstance(each.value, list)]
        if not lists or len(place.way()) - len(lists[-1].way()) != 3:
            continue  # refId is a key of something else than an item of a list
        seen[id(lists[-1]), place.value] += 1
        if seen[id(lists[-1]), place.value] == 2:
            yield _Flaw(_way(place), f"the refId {place.value!r} occurs twice in one list", "give each item its own")


def _way(place: Place) -> tuple[str | int, ...]:
    return tuple(each.key for each in place.way())
