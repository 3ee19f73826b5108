"""Turns an architect execution file into tokens: its events in order, with nested executions opened and closed.

The file is one object `{"flow": {...}}`. Its `execution` is a list of single-key objects `{"<event>": payload}`, and a
payload can hold another `execution`. Source: the shape of Genesys Cloud's rendered execution data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from controller.diagnosis.json_stream import JsonText

EXECUTION = "execution"
RESULTS = frozenset(
    {"outputData", "outputVariables", "outputPathId", "outputPathName", "error", "errors", "warning", "warnings"}
)
"""Fields that describe the end of an event. With a nested execution they belong to the LEAVE token."""


class TokenKind(Enum):
    HEADER = auto()
    """Fields of the flow itself."""
    EVENT = auto()
    """An event without a nested execution."""
    ENTER = auto()
    """The start of an event that has a nested execution."""
    LEAVE = auto()
    """The end of that event, with its result fields."""


@dataclass(frozen=True, slots=True)
class EventToken:
    kind: TokenKind
    type: str
    fields: Mapping[str, object]


@dataclass(slots=True)
class _OpenBracket:
    """An open bracket of the text."""

    role: str
    """`flow`, `list`, `event` or `payload`."""
    type: str = ""
    fields: dict[str, object] = field(default_factory=dict)
    entered: bool = False
    count: int = 0


def tokens_of_text(text: JsonText) -> Iterator[EventToken]:
    """Tokens of a file that is read piece by piece. Memory is bounded by the nesting, not by the length.

    Raises TraceUnreadable for text that is not JSON or not of this shape.
    """
    text.take("{")
    stack = [_OpenBracket("flow")]
    while stack:
        top = stack[-1]
        if text.accept("]" if top.role == "list" else "}"):
            stack.pop()
            yield from _closed(top)
            continue
        if top.count:
            text.take(",")
        top.count += 1
        yield from _MEMBERS[top.role](text, top, stack)
    if text.peek():
        raise text.unreadable("something follows the end of the execution")


def _flow_member(text: JsonText, top: _OpenBracket, stack: list[_OpenBracket]) -> Iterator[EventToken]:
    key = text.key()
    if key == "flow" and text.accept("{"):
        stack.append(_OpenBracket("flow"))
    elif key == EXECUTION and text.accept("["):
        stack.append(_OpenBracket("list"))
    else:
        top.fields[key] = text.value()
    yield from ()


def _list_member(text: JsonText, _top: _OpenBracket, stack: list[_OpenBracket]) -> Iterator[EventToken]:
    if (event := text.plain_object(EXECUTION, single=True)) is not None:
        [(key, fields)] = event.items()
        yield EventToken(TokenKind.EVENT, key, fields if isinstance(fields, dict) else {"value": fields})
    elif text.accept("{"):
        stack.append(_OpenBracket("event"))
    else:
        yield EventToken(TokenKind.EVENT, "", {"value": text.value()})


def _event_member(text: JsonText, _top: _OpenBracket, stack: list[_OpenBracket]) -> Iterator[EventToken]:
    key = text.key()
    if (fields := text.plain_object(EXECUTION)) is not None:
        yield EventToken(TokenKind.EVENT, key, fields)
    elif text.accept("{"):
        stack.append(_OpenBracket("payload", type=key))
    else:
        yield EventToken(TokenKind.EVENT, key, {"value": text.value()})


def _payload_member(text: JsonText, top: _OpenBracket, stack: list[_OpenBracket]) -> Iterator[EventToken]:
    key = text.key()
    if key != EXECUTION or not text.accept("["):
        top.fields[key] = text.value()
        return
    stack.append(_OpenBracket("list"))
    if not top.entered:
        before = {name: value for name, value in top.fields.items() if name not in RESULTS}
        top.fields = {name: value for name, value in top.fields.items() if name in RESULTS}
        top.entered = True
        yield EventToken(TokenKind.ENTER, top.type, before)


_MEMBERS = {"flow": _flow_member, "list": _list_member, "event": _event_member, "payload": _payload_member}


def _closed(top: _OpenBracket) -> Iterator[EventToken]:
    if top.role == "flow":
        yield EventToken(TokenKind.HEADER, "", top.fields)
    elif top.role == "payload":
        yield EventToken(TokenKind.LEAVE if top.entered else TokenKind.EVENT, top.type, top.fields)
    elif top.role == "event" and not top.count:
        yield EventToken(TokenKind.EVENT, "", {})
