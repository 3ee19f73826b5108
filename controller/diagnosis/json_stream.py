"""Reads JSON text of any length and nesting piece by piece and holds only the current value.

The standard parser needs the whole text, and its recursion limit may be lower than the nesting of an execution. This
reader enters only the lists that its caller asks for and keeps them on a stack. The standard parser reads every other
value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator

from controller.diagnosis.nested import DEEPEST, depth
from controller.domain.errors.organization import TraceUnreadable


def _integer(text: str) -> object:
    try:
        return int(text)
    except ValueError:  # longer than Python turns into a number
        return text


def _fraction(text: str) -> object:
    number = float(text)
    return number if math.isfinite(number) else text


# Numbers that JSON cannot express (NaN, 1e999) stay text: nothing is lost, and every export is valid JSON.
_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_fraction, parse_constant=str)
_SPACE = re.compile(r"[ \t\n\r]*")
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}"]', re.DOTALL)
_PREVIEW = 40


class JsonText:
    """A cursor over chunks of text. Offsets in errors count characters from the start of the text."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks: Iterator[str] = iter(chunks)
        self._buffer = ""
        self._at = 0
        self._dropped = 0
        self._ended = False
        self._barrier = -1
        """Position in the buffer where `plain_object` must stop; less than the cursor when it is unknown."""

    def peek(self) -> str:
        """The next character that is not white space, without consuming it; empty at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr] # it matches nothing too
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def take(self, expected: str) -> None:
        """Consume one character, which must be `expected`."""
        if self.peek() != expected:
            raise self.unreadable(f"expected {expected!r}")
        self._at += 1

    def accept(self, wanted: str) -> bool:
        """Consume one character if it is `wanted`."""
        if self.peek() != wanted:
            return False
        self._at += 1
        return True

    def key(self) -> str:
        """Consume the key of an object and its colon."""
        if self.peek() != '"':
            raise self.unreadable("expected a key in double quotes")
        key = self.value()
        self.take(":")
        return str(key)

    def value(self) -> object:
        """Consume one whole value. A value that nests too deep for the standard parser is returned as its own text."""
        if not self.peek():
            raise self.unreadable("the text ends where a value should be")
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if not self._more(double=True):
                    raise self.unreadable(error.msg) from error
            except RecursionError:
                return self._raw()
            else:
                # A number at the end of the buffer may continue in the next chunk.
                if end < len(self._buffer) or not self._more(double=True):
                    return self._taken(value, end)

    def plain_object(self, key: str, *, single: bool = False) -> dict[str, object] | None:
        """Consume one whole object if that is cheap and safe; else return None and consume nothing.

        It is safe when the object ends within the buffer, ends before the next occurrence of `key`, and nests little.
        With `single`, an object is left alone unless it has one member only.
        """
        if self.peek() != "{":
            return None
        if self._barrier < self._at:
            found = self._buffer.find(f'"{key}"', self._at)
            self._barrier = found if found >= 0 else len(self._buffer)
        text, start = self._buffer, self._at
        if self._barrier < len(text):
            text, start = text[start : self._barrier], 0
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            return None
        if self._nests_deep(value, text, start, end) or not isinstance(value, dict):
            return None
        # A key that is written twice is one member here, and two events of the text.
        if single and (len(value) != 1 or text.count(f'"{next(iter(value))}"', start, end) != 1):
            return None
        self._at += end - start
        return value

    def unreadable(self, why: str) -> TraceUnreadable:
        """The error for the text at the cursor."""
        preview = self._buffer[self._at : self._at + _PREVIEW]
        return TraceUnreadable(
            f"the execution data is no JSON at character {self._dropped + self._at}: {why}, found {preview!r}",
            hint="download it again; a cut download ends like this",
        )

    def _taken(self, value: object, end: int) -> object:
        start, self._at = self._at, end
        if self._nests_deep(value, self._buffer, start, end):
            return self._buffer[start:end]
        return value

    @staticmethod
    def _nests_deep(value: object, text: str, start: int, end: int) -> bool:
        brackets = text.count("{", start, end) + text.count("[", start, end)
        return brackets > DEEPEST and depth(value) > DEEPEST

    def _raw(self) -> str:
        level, position = 0, self._at
        while True:
            match = _STRUCTURE.search(self._buffer, position)
            if match is None or match[0] == '"':  # the text, or a string in it, goes on in the next chunk
                position = (match.start() if match else len(self._buffer)) - self._at
                if not self._more(double=True):
                    raise self.unreadable("a bracket or a string is never closed")
                continue
            position = match.end()
            level += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
            if level == 0:
                text, self._at = self._buffer[self._at : position], position
                return text

    def _more(self, *, double: bool = False) -> bool:
        """Append another chunk. `double` appends as much as is pending, which keeps the cost of long values linear."""
        if self._ended:
            return False
        pending = self._buffer[self._at :]
        wanted = max(1, len(pending) if double else 1)
        pieces, length = [pending], 0
        while length < wanted:
            piece = next(self._chunks, None)
            if piece is None:
                self._ended = True
                break
            pieces.append(piece)
            length += len(piece)
        self._dropped += self._at
        self._buffer, self._at, self._barrier = "".join(pieces), 0, -1
        return length > 0
