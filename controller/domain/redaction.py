"""Masks secrets in everything that is shown, stored or sent.

Two methods work together: exact values that were registered as secrets, in every form in which they are written, and
names that denote a secret. `SECRETS` is the one register of the process; credentials are added to it when they are
read.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

MASK = "***"
CONTENT_MASK = "REDACTED"
"""The mask inside content that programs read: in YAML, a `*` would begin an alias."""
SHORTEST_SECRET = 8
LONGEST_WORD = 11
"""A value of letters only, up to this length, counts as a word, because masking it would hide ordinary text."""

_WORD = re.compile(rf"[^\W\d_]{{1,{LONGEST_WORD}}}")
_SECRET_NAME = re.compile(
    r"secret|passw(or)?d|token|authorization|api[-_]?key|credential|signature|private[-_]?key|presigned", re.IGNORECASE
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
_URL_USERINFO = re.compile(r"(?<=://)[^/\s]+@")
_URL_QUERY_SECRET = re.compile(
    r"([?&](?=[\w-]*?(?:signature|token|secret|key|credential|passw(?:or)?d))[\w-]*+=)[^&\s\"']+", re.IGNORECASE
)
_PERCENT = re.compile(r"%[0-9A-F]{2}")


def masked_patterns(text: str) -> str:
    """The text with bearer tokens, URL credentials and secret query values masked, as far as their form shows them."""
    # To look for what each of them begins with takes a tenth of a substitution that finds nothing.
    if _may_authorize(text):
        text = _BEARER.sub(rf"\1 {MASK}", text)
    if "://" in text:
        text = _URL_USERINFO.sub(f"{MASK}@", text)
    if "?" in text or "&" in text:
        text = _URL_QUERY_SECRET.sub(rf"\1{MASK}", text)
    return text


def _may_authorize(text: str) -> bool:
    """Whether one of the words of `_BEARER` may be there; regardless of case, a letter beyond ASCII may equal one."""
    lower = text.lower()
    return "bearer" in lower or "basic" in lower or not text.isascii()


def is_secret_name(name: str) -> bool:
    """Whether the name says that its value is a secret."""
    return _SECRET_NAME.search(name) is not None


class Redactor:
    """A register of secrets that masks them in text and in nested values."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: Counter[str] = Counter()
        self._forms: tuple[str, ...] | None = ()
        for secret in secrets:
            self.register(secret)

    def register(self, secret: str) -> None:
        """Mask this value from now on, in every written form; for several lines, each line as well.

        Values that are shorter than 8 characters or a single word of up to 11 letters are ignored, because masking them
        would hide ordinary text.
        """
        for value in _values(secret):
            self._secrets[value] += 1
            if self._secrets[value] == 1:
                self._forms = None

    def register_client(self, client_id: str, secret: str) -> None:
        """Mask a client's secret, and the pair of id and secret as HTTP basic authentication sends it."""
        self.register(secret)
        self.register(f"{client_id}:{secret}")

    def forget(self, secret: str) -> None:
        """Remove one registration of a value that is no longer secret, such as an expired token."""
        for value in _values(secret):
            self._secrets[value] -= 1
            if self._secrets[value] <= 0:
                del self._secrets[value]
                self._forms = None

    def plain(self, text: str) -> str:
        """The text with registered values masked, without further patterns."""
        return self._masked(text, MASK)

    def text(self, text: str) -> str:
        """The text with registered values, bearer tokens, URL credentials and secret query values masked."""
        return masked_patterns(self.plain(text))

    def exact(self, value: object) -> object:
        """A copy of text, or of a nested value, with only registered values masked.

        For content that must otherwise stay unchanged, such as the definition of a flow.
        """
        return _mapped(value, lambda text: self._masked(text, CONTENT_MASK), keys=True)

    def texts(self, value: object) -> object:
        """A copy of a nested value with all its texts masked; keys are unchanged."""
        return _mapped(value, self.text)

    def value(self, value: object, name: str = "") -> object:
        """A copy of a nested value with secrets masked, and also all values under the names of secrets."""
        if is_secret_name(name) and value not in (None, "", True, False):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return value

    def _masked(self, text: str, mask: str) -> str:
        if self._forms is None:
            forms = {form for secret in self._secrets for form in _written_forms(secret)}
            self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        for form in self._forms:
            text = text.replace(form, mask)
        return text


SECRETS = Redactor()
"""The process' one register of secrets."""


def _mapped(value: object, mask: Callable[[str], str], *, keys: bool = False) -> object:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {
            mask(key) if keys and isinstance(key, str) else key: _mapped(item, mask, keys=keys)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_mapped(item, mask, keys=keys) for item in value]
    return value


def _values(secret: str) -> Iterator[str]:
    """The trimmed secret and each of its lines, without values that are too short to mask."""
    lines = [line.strip() for line in secret.strip().splitlines()]
    for value in dict.fromkeys((secret.strip(), *lines)):
        if len(value) >= SHORTEST_SECRET and not _WORD.fullmatch(value):
            yield value


def _written_forms(secret: str) -> Iterator[str]:
    """The value as plain text, escaped for JSON (once and twice), YAML and HTML, URL-encoded, and in base64."""
    yield secret
    for ascii_only in (True, False):
        escaped = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield json.dumps(escaped)[1:-1]
    yield secret.replace("'", "''")
    markup = html.escape(secret)
    yield markup
    yield markup.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    for encoded in _url_forms(secret):
        yield encoded
        yield _PERCENT.sub(lambda found: found[0].lower(), encoded)
    yield from _base64_forms(secret.encode("utf-8", "surrogatepass"))


def _url_forms(secret: str) -> Iterator[str]:
    """URL-encoded for a path, for a component and for a form. An environment variable may not be valid UTF-8."""
    for safe, spaced in (("/", quote), ("", quote), ("", quote_plus)):
        yield spaced(secret, safe=safe, errors="surrogatepass")


def _base64_forms(secret: bytes) -> Iterator[str]:
    """The value in base64, alone and as a part of a longer encoded text.

    Three bytes become four characters, so a value has three forms, by its offset. Characters that also hold bits of
    neighbouring bytes are left out.
    """
    forms = [base64.b64encode(secret).decode()]
    forms.append(forms[0].rstrip("="))
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret).decode()
        begin = (0, 2, 3)[before]
        end = (len(secret) + before) * 8 // 6
        forms.append(encoded[begin:end])
    for form in forms:
        yield form
        yield form.replace("+", "-").replace("/", "_")
