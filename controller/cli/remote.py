"""The one client of a controller's API, for commands with `--server`.

The token of PENSTOCK_TOKEN goes to that address alone: over TLS, except on this machine and to hosts that the operator
allows, and never after a redirect. Requests are repeated only where a repetition does no harm. A problem document
becomes an error of our own, with the same code, message, hint and exit code.
"""

from __future__ import annotations

import os
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import TypeAdapter, ValidationError

from controller import __version__
from controller.domain.addresses import is_allowed, is_loopback
from controller.domain.errors import api, change, delivery, forge, manifest, organization, process, repository
from controller.domain.errors.api import ControllerUnavailable, ControllerUnusable
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.domain.visible import visible
from controller.domain.web_origin import web_origin
from controller.reconcile.settings import Settings

D = TypeVar("D")
Query = Mapping[str, str | int | None]

TOKEN: Final = "PENSTOCK_TOKEN"  # noqa: S105 - the name of the variable
_API: Final = "/api/v1"
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
_PAUSES_S: Final = (0.5, 1.0, 2.0)
"""Before each repetition; none after the last."""
_LONGEST_PAUSE_S: Final = 30.0
"""A controller that asks for a longer pause is not waited for."""
_LARGEST: Final = 64 * 1024**2
"""Bytes of one answer that are read at most."""
_NOT_NOW: Final = frozenset({429, 502, 503, 504})
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class ControllerClient:
    """The API of one controller.

    Every method raises ControllerUnavailable, ControllerUnusable, and what the API says, as our own errors.
    """

    def __init__(self, origin: str, token: str | None, pause: Callable[[float], None] = time.sleep) -> None:
        """`origin` is `scheme://host[:port]`; `pause` waits for so many seconds."""
        self.origin = origin
        self._pause = pause
        self._key = str(uuid.uuid4())
        """The idempotency key of this command: however often a request is sent, it counts once."""
        plain = origin.startswith("http:")
        self._client = httpx.Client(
            base_url=origin + _API,
            headers={"user-agent": f"penstock/{__version__}"} | ({"authorization": f"Bearer {token}"} if token else {}),
            timeout=_TIMEOUT,
            follow_redirects=False,
            # A proxy of the environment would read what is not encrypted.
            trust_env=not plain,
        )

    def get(self, path: str, document: type[D], query: Query | None = None) -> D:
        """The document at a path below /api/v1."""
        shown = {name: value for name, value in (query or {}).items() if value is not None}
        return self._document(self._send(self._client.build_request("GET", path, params=shown), again=True), document)

    def post(self, path: str, document: type[D], body: Mapping[str, str | None], *, again: bool = True) -> D:
        """The answer to an action. `again` is whether a request whose response was lost may be sent once more."""
        given = {name: value for name, value in body.items() if value is not None}
        headers = {"idempotency-key": self._key}
        request = self._client.build_request("POST", path, json=given, headers=headers)
        return self._document(self._send(request, again=again), document)

    def wait(self, seconds: float) -> None:
        """Wait between two questions."""
        self._pause(seconds)

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _send(self, request: httpx.Request, *, again: bool) -> bytes:
        for pause_s in self._pauses():
            try:
                status, headers, content = self._once(request)
            except httpx.RequestError as error:
                never_sent = isinstance(error, _NEVER_SENT)
                if pause_s is None or not (again or never_sent) or _untrusted(error):
                    raise self._unreached(error, request, uncertain=not never_sent) from error
            else:
                asked_s = _seconds(headers.get("retry-after"))
                refused = status == HTTPStatus.TOO_MANY_REQUESTS
                waits = status in _NOT_NOW and (again or refused) and (asked_s or 0) <= _LONGEST_PAUSE_S
                if pause_s is None or not waits:
                    return self._content(status, content)
                pause_s = max(pause_s, asked_s or 0)  # noqa: PLW2901 - as long as the controller asks for
            self._pause(pause_s)
        raise AssertionError("the last try returns or raises")

    @staticmethod
    def _pauses() -> Iterator[float | None]:
        yield from _PAUSES_S
        yield None

    def _once(self, request: httpx.Request) -> tuple[int, httpx.Headers, bytes]:
        response = self._client.send(request, stream=True)
        try:
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if len(content) > _LARGEST:
                    raise ControllerUnusable(f"{self.origin} sent more than {_LARGEST // 1024**2} MiB")
            return response.status_code, response.headers, bytes(content)
        finally:
            response.close()

    def _content(self, status: int, content: bytes) -> bytes:
        if HTTPStatus(200) <= status < HTTPStatus(300):
            return content
        if HTTPStatus(300) <= status < HTTPStatus(400):
            raise ControllerUnusable(
                f"{self.origin} redirects to another address ({status}), which is not followed with a token",
                hint="give the controller's own address as --server",
            )
        raise problem_of(self.origin, status, content)

    def _document(self, content: bytes, document: type[D]) -> D:
        adapter: TypeAdapter[Any] = TypeAdapter(document)
        try:
            found: D = adapter.validate_json(content)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the answer"
            raise ControllerUnusable(
                f"{self.origin} sent no {document.__name__} that this version can read: {where}: {first['msg']}"
            ) from error
        return found

    def _unreached(self, error: httpx.RequestError, request: httpx.Request, *, uncertain: bool) -> PenstockError:
        untrusted = _untrusted(error)
        if untrusted is not None:
            return ControllerUnusable(
                f"{self.origin}: its certificate is not trusted: {untrusted.verify_message}",
                hint="name the file with your authority's certificate in PENSTOCK_CA_FILE",
            )
        said = str(error) or type(error).__name__
        if request.method == "GET" or not uncertain:
            return ControllerUnavailable(f"{self.origin} could not be reached: {said}")
        return ControllerUnavailable(
            f"{self.origin}: the answer was lost: {said}; it may or may not have taken effect",
            hint="look with `penstock audit list --server`, then run it again where it is not there",
        )


def open_remote(server: str, settings: Settings) -> ControllerClient:
    """The API of the controller at this address, asked with the token of PENSTOCK_TOKEN.

    Raises SettingsInvalid for what is no address, for one without TLS that is not allowed, and for an unusable token.
    """
    try:
        origin = web_origin(server)
    except ValueError as error:
        raise SettingsInvalid(f"--server: {error}", hint="write https://penstock.example.com") from error
    host = urlsplit(origin).hostname or ""
    if origin.startswith("http:") and not is_loopback(host) and not is_allowed(origin, settings.insecure_servers):
        raise SettingsInvalid(
            f"--server: {origin} has no TLS, so that the token and the answers could be read on the way",
            hint=f"use https, or list {host} in PENSTOCK_INSECURE_SERVERS",
        )
    return ControllerClient(origin, _token())


def _token() -> str | None:
    token = os.environ.get(TOKEN, "").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise SettingsInvalid(f"{TOKEN} has a character that no token has", hint="copy the token again, whole")
    SECRETS.register(token)
    return token or None


def _untrusted(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """The failed check of a certificate that is behind an error."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause


def _seconds(text: str | None) -> float | None:
    """Seconds in `Retry-After`; None where it gives a date or nothing."""
    return float(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 7 else None


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is read of a problem document (RFC 9457)."""

    detail: str
    code: str
    hint: str | None = None


_PROBLEM = TypeAdapter(_Problem)


def problem_of(origin: str, status: int, content: bytes) -> PenstockError:
    """The error that a response tells; ControllerUnavailable or ControllerUnusable where it is no problem document."""
    try:
        problem = _PROBLEM.validate_json(content)
    except ValidationError:
        said = f"{origin} answered {status} {httpx.codes.get_reason_phrase(status)}".rstrip()
        return ControllerUnavailable(said) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ControllerUnusable(said)
    message, hint = visible(problem.detail), None if problem.hint is None else visible(problem.hint)
    leaf = _LEAVES.get(problem.code)
    if leaf is None:
        return ControllerUnusable(f"{origin} refused it ({status}, {visible(problem.code)}): {message}", hint=hint)
    return leaf.told(message, hint)


def _leaves(module: ModuleType) -> Iterator[type[PenstockError]]:
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, PenstockError) and kind.code != PenstockError.code:
            yield kind


_LEAVES = {
    leaf.code: leaf
    for module in (process, manifest, repository, delivery, organization, change, api, forge)
    for leaf in _leaves(module)
    if leaf is not ManifestInvalid
}
"""By code. The branches have none of their own, and a problem document has no mistakes of a manifest."""
