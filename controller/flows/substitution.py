"""Substitutes `{{name}}` in a flow file, in values and keys, so that each value arrives unchanged.

Values are inserted into the text, as in CX as Code, because two in five public files are not YAML before that. The
result must equal Archy's, which inserts into parsed values: the tree of the file with a neutral token for each
placeholder, with the values put in. A value for a whole plain scalar is quoted if YAML would read it differently;
anywhere else such a value is refused. Scalars are compared by their text, so that `true` and `5` keep their meaning.
Values can be secrets: no error here repeats one.

Sources: Archy's lessons on substitutions (names have at least one character and no blanks around them) and on YAML
escaping.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from sys import maxsize

import yaml

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.suggestion import near_miss
from controller.flows.yaml_events import Position, mistake_at, read_events

_BRACES = re.compile(r"\{\{([^{}\r\n]*)\}\}")
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line endings of YAML."""


@dataclass(frozen=True, slots=True)
class _Placeholder:
    """One placeholder in the text of the file."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Inserted:
    """A text after its placeholders were replaced, and the mapping of its positions to those of the file."""

    text: str
    places: tuple[tuple[_Placeholder, int, int], ...]
    """Each placeholder with the start and end of its replacement in the text, in order."""

    def own_offset(self, line: int, column: int) -> int:
        """The file's offset for a line and column (from 1) of this text; a placeholder's start for all inside it."""
        ends = [0, *(match.end() for match in _LINE_END.finditer(self.text))]
        offset = ends[min(line, len(ends)) - 1] + column - 1
        index = bisect_right(self.places, offset, key=lambda place: place[1]) - 1
        if index < 0:
            return offset
        placeholder, start, end = self.places[index]
        return placeholder.start if start <= offset < end else placeholder.end + offset - end


class FlowTemplate:
    """A flow file before substitution.

    Raises FlowFileInvalid, with the file's own line and column, if the text with neutral tokens for its placeholders is
    not YAML.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        matches = ((match[1].strip(), match) for match in _BRACES.finditer(text))
        found = tuple(_Placeholder(name, match.start(), match.end()) for name, match in matches if name)
        prefix = "zq"
        while prefix in text:
            prefix += "q"
        self._token = re.compile(rf"{prefix}([0-9]+)z")
        self._neutral = _insert(text, ((place, f"{prefix}{number}z") for number, place in enumerate(found)))
        events = self._neutral_events() if found else ()
        self._used = frozenset(number for event in events for number in self._numbers(event))
        self._found = found
        self.placeholders = tuple(dict.fromkeys(place.name for n, place in enumerate(found) if n in self._used))
        """Names that need a value, each once, in order of occurrence. Placeholders in comments need none."""
        self.mentioned = frozenset(place.name for place in found)
        """All names, including those in comments."""

    @property
    def literals(self) -> dict[str, str]:
        """The substitutions that leave the text unchanged, for a flow with such braces in its own text."""
        found = (place for number, place in enumerate(self._found) if number in self._used)
        return {place.name: self.text[place.start : place.end] for place in found}

    def position(self, offset: int) -> Position:
        """Line and column, both from 1, of a character of the file."""
        before = [match.end() for match in _LINE_END.finditer(self.text, 0, offset)]
        return len(before) + 1, offset - (before[-1] if before else 0) + 1

    def render(self, values: Mapping[str, str]) -> Rendered:
        """Replace every placeholder outside of comments by its value, in one pass.

        Raises FlowFileInvalid for a placeholder without a value (at its line and column), for an unused or non-string
        value, and for a value that YAML would read differently.
        """
        _check_values(values)
        self._check_missing(values)
        self._check_unused(values)
        if not self._used:
            return Rendered(self, _Inserted(self.text, ()))
        whole = self._whole_plain_scalars()
        inserted = _insert(
            self.text,
            (
                (place, _quoted_if_needed(values[place.name]) if number in whole else values[place.name])
                for number, place in enumerate(self._found)
                if number in self._used
            ),
        )
        self._refuse_other_trees(inserted.text, values)
        return Rendered(self, inserted)

    def _numbers(self, event: yaml.Event | None) -> list[int]:
        """The placeholders in one event of the neutral text."""
        return [int(match[1]) for text in _texts(event) for match in self._token.finditer(text)]

    def _neutral_events(self) -> Iterator[yaml.Event]:
        try:
            yield from read_events(self._neutral.text)
        except FlowFileInvalid as error:
            raise Rendered(self, self._neutral).own(error) from error

    def _whole_plain_scalars(self) -> set[int]:
        """The placeholders that make up a whole plain scalar."""
        return {
            int(match[1])
            for event in self._neutral_events()
            if isinstance(event, yaml.ScalarEvent) and event.style in (None, "")
            if (match := self._token.fullmatch(event.value)) is not None
        }

    def _refuse_other_trees(self, text: str, values: Mapping[str, str]) -> None:
        """Raise FlowFileInvalid if the rendered text is not the file's tree with the values put in."""
        suspects: list[int] = []
        pairs: Iterator[tuple[yaml.Event | None, yaml.Event | None]]
        pairs = zip_longest(self._neutral_events(), _events_until_mistake(text))
        for neutral, event in pairs:
            suspects = self._numbers(neutral) or suspects
            if event is None or neutral is None or self._expected(neutral, values) != _said(event):
                raise self._changed(suspects or [min(self._used)])

    def _expected(self, event: yaml.Event, values: Mapping[str, str]) -> tuple[object, ...]:
        """The expected content of the rendered text for this event of the neutral text."""

        def value(match: re.Match[str]) -> str:
            return values[self._found[int(match[1])].name]

        kind, anchor, tag, text, empty = _said(event)
        filled = [part if part is None else self._token.sub(value, part) for part in (anchor, tag, text)]
        return kind, *filled, empty

    def _changed(self, numbers: Iterable[int]) -> FlowFileInvalid:
        places = [self._found[number] for number in numbers]
        names = " or ".join(dict.fromkeys(f"{{{{{place.name}}}}}" for place in places))
        message = f"the value of {names} would not arrive as it is written: YAML reads it otherwise at this place"
        hint = "let the placeholder be the whole value, without quotes, or change the value"
        return mistake_at(self.position(places[0].start), message, hint)

    def _check_missing(self, values: Mapping[str, str]) -> None:
        missing = [name for name in self.placeholders if name not in values]
        if not missing:
            return
        first = next(place for n, place in enumerate(self._found) if n in self._used and place.name == missing[0])
        raise mistake_at(
            self.position(first.start),
            f"no value for {', '.join(f'{{{{{name}}}}}' for name in missing)}",
            _hint(missing, set(values) - self.mentioned)
            or "add it under spec.source.substitutions; "
            f"where it is text of the flow, its value is '{{{{{missing[0]}}}}}'",
        )

    def _check_unused(self, values: Mapping[str, str]) -> None:
        unused = sorted(set(values) - self.mentioned)
        if not unused:
            return
        there = ", ".join(f"{{{{{name}}}}}" for name in self.placeholders)
        raise FlowFileInvalid(
            f"the file has no placeholder for the substitution{'s' if len(unused) > 1 else ''} "
            f"{', '.join(repr(name) for name in unused)}",
            hint=_hint(unused, self.placeholders)
            or f"remove it; {f'it has {there}' if there else 'it has no placeholders at all'}",
        )


@dataclass(frozen=True, slots=True)
class Rendered:
    """A flow file with its values."""

    template: FlowTemplate
    _inserted: _Inserted

    @property
    def text(self) -> str:
        """The text to parse and upload; it may hold secrets."""
        return self._inserted.text

    def own(self, error: FlowFileInvalid) -> FlowFileInvalid:
        """A mistake of the rendered text, with the line and the column that it has in the file."""
        return mistake_at(self.own_position((error.line, error.column)), error.message, error.hint)

    def own_position(self, position: Position) -> Position:
        """The position in the file of a position in the rendered text."""
        return self.template.position(self._inserted.own_offset(*position)) if self._inserted.places else position


def placeholders(text: str) -> tuple[str, ...]:
    """The names that need a value in this flow file. Raises FlowFileInvalid if it is not YAML."""
    return FlowTemplate(text).placeholders


def render(text: str, substitutions: Mapping[str, str]) -> str:
    """The flow file's text with its values. Raises FlowFileInvalid as FlowTemplate does."""
    return FlowTemplate(text).render(substitutions).text


def _insert(text: str, replacements: Iterable[tuple[_Placeholder, str]]) -> _Inserted:
    parts: list[str] = []
    places: list[tuple[_Placeholder, int, int]] = []
    at = length = 0
    for placeholder, replacement in replacements:
        parts += (text[at : placeholder.start], replacement)
        start = length + placeholder.start - at
        length = start + len(replacement)
        at = placeholder.end
        places.append((placeholder, start, length))
    return _Inserted("".join((*parts, text[at:])), tuple(places))


def _events_until_mistake(text: str) -> Iterator[yaml.Event]:
    try:
        yield from read_events(text)
    except FlowFileInvalid:
        return


def _said(event: yaml.Event) -> tuple[type, str | None, str | None, str | None, bool]:
    """The content of an event: its kind, anchor, tag, text, and whether it is an empty plain scalar."""
    value = getattr(event, "value", None)
    empty = value == "" and bool(getattr(event, "implicit", (False,))[0])
    return type(event), getattr(event, "anchor", None), getattr(event, "tag", None), value, empty


def _texts(event: yaml.Event | None) -> tuple[str, ...]:
    return tuple(part for part in _said(event)[1:4] if part) if event is not None else ()


@lru_cache(maxsize=1024)
def _quoted_if_needed(value: str) -> str:
    """The value as a plain scalar if YAML reads it unchanged in every place, else in double quotes."""
    if value and _read_in_all_places(value) == _read_in_all_places("v", value):
        return value
    return str(yaml.dump(value, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True, width=maxsize)).rstrip()


def _read_in_all_places(inserted: str, value: str | None = None) -> list[tuple[object, ...]]:
    """YAML's reading of a text as key and as value, in block and flow style; `value` may replace the text."""
    probes = (
        f"{inserted}: 1\n",
        f"- {inserted}\n- 1: {inserted}\n- {inserted}: 1\n- [{inserted}]\n- {{{inserted}: 1}}\n",
    )
    said = [_said(event) for probe in probes for event in _events_until_mistake(probe)]
    return [(*each[:3], value if value is not None and each[3] == inserted else each[3], each[4]) for each in said]


def _check_values(substitutions: Mapping[str, str]) -> None:
    kinds = {bool: "a boolean", int: "a number", float: "a number", type(None): "empty"}
    for name, value in substitutions.items():
        if not isinstance(value, str):
            raise FlowFileInvalid(
                f"the substitution {name!r} is {kinds.get(type(value), 'a collection')}, not text",
                hint="put its value in quotes",
            )


def _hint(names: list[str], candidates: set[str] | tuple[str, ...]) -> str | None:
    for name in names:
        candidate = near_miss(name, candidates)
        if candidate is not None:
            return f"did you mean {candidate!r} for {name!r}?"
    return None
