"""The canonical form of a flow's content, and its digest.

Two documents have the same digest exactly when they mean the same: the order of keys, formatting, and parts that the
organisation rewrites on its own do not count. Every value is encoded with its type and length, so `"1"` is not `1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

_TRACKING = "trackingId"
"""A counter that Architect assigns to each action; it changes whenever a flow is saved."""
_INDEX = "referencedObjects"
"""An index that newer exports add at the top of a flow; the actions say the same."""


def digest(document: object) -> str:
    """`sha256:<hex>` over the canonical form of a parsed document (Archy YAML or the API's JSON).

    Raises TypeError for a value that is neither a mapping, a sequence nor a scalar.
    """
    accumulated = sha256()
    for piece in _pieces(document):
        accumulated.update(piece)
    return f"sha256:{accumulated.hexdigest()}"


def volatile(key: str, value: object, depth: int) -> bool:
    """Whether a mapping's entry is noise; `depth` is 0 for the document's own entries.

    A data action may have an input called trackingId. Its value is a mapping, so it is not noise.
    """
    if key == _TRACKING:
        return value is None or isinstance(value, str | int | float)
    return key == _INDEX and depth <= 1 and not isinstance(value, str | int | float)


def _pieces(document: object) -> Iterator[bytes]:
    """The canonical form, piece by piece, without recursion."""
    waiting: list[tuple[object, int]] = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, _Encoded):
            yield value
        elif isinstance(value, Mapping):
            entries = sorted(_entries(value, depth), key=lambda entry: entry[0])
            yield b"m%d:" % len(entries)
            # The stack gives the last entry first, so entries go on it in reverse, each key after its value.
            for key, item in reversed(entries):
                waiting.append((item, depth + 1))
                waiting.append((_Encoded(key), depth))
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            # The count comes first: without it, [[a], b] and [[a, b]] would give the same bytes.
            yield b"l%d:" % len(value)
            waiting.extend((item, depth + 1) for item in reversed(value))
        else:
            yield _scalar(value)


class _Encoded(bytes):
    """A key in its encoded form."""


def _entries(mapping: Mapping[object, object], depth: int) -> list[tuple[bytes, object]]:
    return [
        (_scalar(key), item)
        for key, item in mapping.items()
        if not (isinstance(key, str) and volatile(key, item, depth))
    ]


def _scalar(value: object) -> bytes:
    if value is None:
        return b"n;"
    if isinstance(value, bool):
        return b"b1;" if value else b"b0;"
    if isinstance(value, int):
        return b"i%d;" % value
    if isinstance(value, float):
        return f"f{value!r};".encode()
    if isinstance(value, str):
        encoded = value.encode("utf-8", "surrogatepass")
        return b"s%d:%s" % (len(encoded), encoded)
    raise TypeError(f"a flow's content cannot hold a {type(value).__name__}")
