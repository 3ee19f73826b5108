"""Keeping secrets out of whatever is shown or kept.

Two ways work together: exact values that were registered as secrets, and names that say "secret".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

MASK = "***"
CONTENT_MASK = "REDACTED"
"""Stands for a secret inside content that programs read: in YAML a `*` would begin an alias."""

_SECRET_NAME = re.compile(
    r"secret|passw(or)?d|token|authorization|api[-_]?key|credential|signature|private[-_]?key|presigned", re.IGNORECASE
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
_URL_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_URL_QUERY_SECRET = re.compile(
    r"([?&](?=[\w-]*?(?:signature|token|secret|key|credential))[\w-]*+=)[^&\s\"']+", re.IGNORECASE
)


class Redactor:
    """Masks secrets in text and in nested values. Safe to share: registering only ever adds."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.register(secret)

    def register(self, secret: str) -> None:
        """Mask this exact value from now on. Values shorter than 4 characters would mask ordinary text: ignored."""
        if len(secret) >= 4:
            self._secrets.add(secret)

    def text(self, text: str) -> str:
        """The text with registered values, bearer tokens, URL credentials and signed query values masked."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        text = _BEARER.sub(rf"\1 {MASK}", text)
        text = _URL_USERINFO.sub(f"{MASK}@", text)
        return _URL_QUERY_SECRET.sub(rf"\1{MASK}", text)

    def exact(self, value: object) -> object:
        """A copy of text, or of a nested value, in which only registered values are masked, as they stand or escaped.

        For content that must stay as it is otherwise, such as the definition of a flow.
        """
        if isinstance(value, str):
            for secret in sorted(self._secrets, key=len, reverse=True):
                for form in _written_forms(secret):
                    value = value.replace(form, CONTENT_MASK)
            return value
        if isinstance(value, Mapping):
            return {self.exact(key): self.exact(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.exact(item) for item in value]
        return value

    def value(self, value: object, name: str = "") -> object:
        """A copy of a nested value in which secrets, and whatever stands under a secret's name, are masked."""
        if name and _SECRET_NAME.search(name) and value not in (None, "", True, False):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return value


def _written_forms(secret: str) -> tuple[str, ...]:
    """The value as plain text, in JSON or a double-quoted YAML scalar, and in a single-quoted one."""
    quoted = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], secret.replace("'", "''"))
    return tuple(dict.fromkeys((secret, *quoted)))
