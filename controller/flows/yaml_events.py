"""The events of a YAML text from libyaml, with YAML 1.2 scalars and a position for every mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.scalars import FlowLoader

MAXIMUM_CHARACTERS = 20_000_000

Position = tuple[int, int]
"""Line and column, both from 1."""

_ESCAPE = re.compile(r"\\(?:\\|u[dD]([89a-fA-F][0-9a-fA-F]{2}))")
"""Half of a surrogate pair, or an escaped backslash, after which no escape follows."""
_HIDDEN = re.compile(r"\\(?:\\|u([eE])([89a-fA-F][0-9a-fA-F]{2}))")
_PAIR = re.compile("([\ue800-\uebff])([\uec00-\uefff])")
_HALF = re.compile("[\ue800-\uefff]")
_HALF_MESSAGE = "half of a surrogate pair is not a character"
_CONFLICT_MARKER = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)


def read_events(text: str) -> Iterator[yaml.Event]:
    """The events of a YAML text, with the resolvers of `FlowLoader` and unexpanded aliases.

    Raises FlowFileInvalid, with line and column, if the text is too long or not YAML.
    """
    with event_stream(text) as events:
        yield from events


@contextmanager
def event_stream(text: str) -> Iterator[Iterator[yaml.Event]]:
    """The same inside of a `with`, which turns libyaml's errors into ours; takes less time for each event."""
    if len(text) > MAXIMUM_CHARACTERS:
        raise FlowFileInvalid(f"the file has {len(text)} characters; at most {MAXIMUM_CHARACTERS} are read")
    text = text.removeprefix("\ufeff")
    hidden = _hide_surrogates(text)
    try:
        loader = FlowLoader(text if hidden is None else hidden)
        try:
            events = iter(loader.get_event, None)
            yield events if hidden is None else map(_restored, events)
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        raise _forbidden_character(text, error) from error
    except yaml.MarkedYAMLError as error:
        raise _malformed(text, error) from error
    except UnicodeEncodeError as error:
        raise mistake_at(_position_at(text, error.start), _HALF_MESSAGE) from error


def position_of(event: yaml.Event) -> Position:
    """The start of an event."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def mistake_at(position: Position, message: str, hint: str | None = None) -> FlowFileInvalid:
    """The error for a position in the text."""
    return FlowFileInvalid(message, line=position[0], column=position[1], hint=hint)


def _hide_surrogates(text: str) -> str | None:
    r"""The text with private characters for surrogate halves; None if it has none, or such characters already.

    JSON writes one character as a pair of escapes such as `\ud83d\ude42` (RFC 8259, chapter 7), which libyaml refuses.
    Each half becomes the escape of a private character of the same length, so that positions stay.
    """
    if r"\ud" not in text and r"\uD" not in text:
        return None
    if _HALF.search(text) or any(match[1] for match in _HIDDEN.finditer(text)):
        return None
    return _ESCAPE.sub(
        lambda match: f"\\u{'E' if match[0][2] == 'D' else 'e'}{match[1]}" if match[1] else match[0], text
    )


def _restored(event: yaml.Event) -> yaml.Event:
    if isinstance(event, yaml.ScalarEvent):
        _restore_surrogates(event)
    return event


def _restore_surrogates(event: yaml.ScalarEvent) -> None:
    """Restore the text of a scalar. Raises FlowFileInvalid for half of a pair."""
    if event.style != '"':  # only double quotes know escapes: in another style the text was only respelled
        event.value = _HIDDEN.sub(
            lambda match: f"\\u{'D' if match[1] == 'E' else 'd'}{match[2]}" if match[1] else match[0], event.value
        )
        return
    event.value = _PAIR.sub(
        lambda match: chr(0x10000 + ((ord(match[1]) - 0xE800) << 10) + ord(match[2]) - 0xEC00), event.value
    )
    if _HALF.search(event.value):
        raise mistake_at(position_of(event), _HALF_MESSAGE)


def _position_at(text: str, offset: int) -> Position:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _malformed(text: str, error: yaml.MarkedYAMLError) -> FlowFileInvalid:
    unified = text.replace("\r\n", "\n")
    marker = _CONFLICT_MARKER.search(unified)
    if marker is not None:
        line = unified.count("\n", 0, marker.start()) + 1
        hint = "choose between the two sides, remove the markers, and commit"
        return mistake_at((line, 1), "a marker of a merge conflict", hint)
    mark = error.problem_mark or error.context_mark
    position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = ", ".join(part for part in (error.context, error.problem) if part)
    hint = "indent with spaces" if "\\t" in problem or "tab" in problem else "check quotes and indentation here"
    return mistake_at(position, f"not valid YAML: {problem}", hint)


def _forbidden_character(text: str, error: yaml.reader.ReaderError) -> FlowFileInvalid:
    # libyaml counts bytes, so the character is searched for in the encoded text.
    before = text.encode("utf-8", "surrogatepass")[: error.position].decode("utf-8", "ignore")
    hint = "remove it, or write it as an escape in quotes"
    return mistake_at(_position_at(text, len(before)), "a control character that YAML does not allow", hint)
