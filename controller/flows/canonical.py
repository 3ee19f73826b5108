"""The canonical form of a flow's content, and its digest.

Two documents have the same digest exactly when they mean the same: the order of keys, formatting, and parts that the
organisation rewrites on its own do not count. Every value is encoded with its type and length, so `"1"` is not `1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import repeat
from operator import itemgetter

_TRACKING = "trackingId"
"""A counter that Architect assigns to each action; it changes whenever a flow is saved."""
_INDEX = "referencedObjects"
"""An index that newer exports add at the top of a flow; the actions say the same."""
VOLATILE_KEYS = frozenset({_TRACKING, _INDEX})
"""The keys of entries that may be noise; `volatile` decides."""
_SCALARS = frozenset({int, float, bool, type(None)})
_BY_KEY = itemgetter(0)


def digest(document: object) -> str:
    """`sha256:<hex>` over the canonical form of a parsed document (Archy YAML or the API's JSON).

    Raises TypeError for a value that is neither a mapping, a sequence nor a scalar.
    """
    return f"sha256:{sha256(_canonical(document).encode('utf-8', 'surrogatepass')).hexdigest()}"


def volatile(key: str, value: object, depth: int) -> bool:
    """Whether a mapping's entry is noise; `depth` is 0 for the document's own entries.

    A data action may have an input called trackingId. Its value is a mapping, so it is not noise.
    """
    if key == _TRACKING:
        return value is None or isinstance(value, str | int | float)
    return key == _INDEX and depth <= 1 and not isinstance(value, str | int | float)


def _canonical(document: object) -> str:
    """The canonical form, without recursion; `opened` has the entries that are left of each open collection."""
    pieces: list[str] = []
    opened: list[Iterator[tuple[str, object]]] = [iter((("", document),))]
    while opened:
        for key, value in opened[-1]:
            pieces.append(key)
            if type(value) is str:
                pieces.append(_text(value))
            elif type(value) in _SCALARS:
                pieces.append(_scalar(value))
            elif type(value) is dict or isinstance(value, Mapping):
                entries = _entries(value, len(opened) - 1)
                pieces.append(f"m{len(entries)}:")
                opened.append(iter(entries))
                break
            elif type(value) is list or (isinstance(value, Sequence) and not isinstance(value, str | bytes)):
                # The count comes first: without it, [[a], b] and [[a, b]] would give the same text.
                pieces.append(f"l{len(value)}:")
                opened.append(zip(repeat(""), value, strict=False))
                break
            else:
                pieces.append(_scalar(value))
        else:
            opened.pop()
    return "".join(pieces)


def _entries(mapping: Mapping[object, object], depth: int) -> list[tuple[str, object]]:
    """The entries without noise, each with its encoded key, in the order of the encoded keys."""
    entries = [
        (_key(key) if type(key) is str else _scalar(key), item)
        for key, item in mapping.items()
        if not (key in VOLATILE_KEYS and volatile(str(key), item, depth))
    ]
    if len(entries) > 1:
        entries.sort(key=_BY_KEY)  # UTF-8 sorts as its characters do
    return entries


def _text(value: str) -> str:
    """A text after its length in bytes."""
    return f"s{len(value) if value.isascii() else len(value.encode('utf-8', 'surrogatepass'))}:{value}"


_key = lru_cache(maxsize=4096)(_text)
"""The same for keys, of which flows have few different ones."""


def _scalar(value: object) -> str:
    if value is None:
        return "n;"
    if isinstance(value, bool):
        return "b1;" if value else "b0;"
    if isinstance(value, int):
        return f"i{int(value)};"
    if isinstance(value, float):
        return f"f{value!r};"
    if isinstance(value, str):
        return _text(value)
    raise TypeError(f"a flow's content cannot hold a {type(value).__name__}")
