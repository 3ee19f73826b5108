"""Incoming webhooks of GitHub, GitLab and Gitea or Forgejo: after a push the controller reads git at once.

A message decides only when to look. The commit to deliver is read from the configured remote, so that a message, even
one with a stolen secret, cannot name a repository, a commit or a host. Polling goes on and covers messages that get
lost.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from controller.domain.clock import Clock
from controller.repository.names import repository_path

log = structlog.get_logger()

LARGEST_BODY: Final = 5 * 1024**2
"""Bytes. GitHub sends up to 25 MB; such a push is found by polling."""
_REMEMBERED = 4096
"""Messages that are recognised when they are sent again."""
_LOG_INTERVAL_S = 60.0
_HEADS = "refs/heads/"


class Result(StrEnum):
    """The result of checking a message; the label of its metric."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    """Valid, but of another repository, another branch, or another kind of event."""
    REPEATED = "repeated"
    """The same message was accepted before."""
    FORGED = "forged"
    """Without a signature, or with one that another secret made."""
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"


_STATUS = {
    Result.ACCEPTED: HTTPStatus.ACCEPTED,
    Result.IGNORED: HTTPStatus.OK,
    Result.REPEATED: HTTPStatus.OK,
    Result.FORGED: HTTPStatus.UNAUTHORIZED,
    Result.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Result.UNREADABLE: HTTPStatus.BAD_REQUEST,
}


@dataclass(frozen=True, slots=True)
class Sender:
    """How one kind of forge signs and names its messages. Header names are in lower case."""

    signatures: tuple[str, ...]
    """Headers with the HMAC-SHA256 of the body, in hexadecimal; the first that is present counts."""
    token: str | None
    """The header with the secret itself, where the forge does not sign."""
    events: tuple[str, ...]
    """Headers with the name of the event."""
    pushes: frozenset[str]
    pull_requests: frozenset[str]
    """The beginnings of the names of events about pull requests."""


# docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries; docs.gitea.com/usage/webhooks;
# docs.gitlab.com/user/project/integrations/webhooks; forgejo.org/docs/latest/user/webhooks
SENDERS: Mapping[str, Sender] = {
    "github": Sender(
        signatures=("x-hub-signature-256",),
        token=None,
        events=("x-github-event",),
        pushes=frozenset({"push"}),
        pull_requests=frozenset({"pull_request", "pull_request_review"}),
    ),
    "gitlab": Sender(
        signatures=(),
        token="x-gitlab-token",  # noqa: S106 - the name of a header
        events=("x-gitlab-event",),
        pushes=frozenset({"push hook"}),
        pull_requests=frozenset({"merge request hook"}),
    ),
    "gitea": Sender(
        signatures=("x-forgejo-signature", "x-gitea-signature", "x-hub-signature-256"),
        token=None,
        events=("x-forgejo-event", "x-gitea-event", "x-github-event"),
        pushes=frozenset({"push"}),
        pull_requests=frozenset(
            {
                "pull_request",
                "pull_request_sync",
                "pull_request_approved",
                "pull_request_rejected",
                "pull_request_review_approved",
                "pull_request_review_rejected",
            }
        ),
    ),
}


def is_signed(sender: Sender, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the message was made with the secret. The comparison takes constant time."""
    if sender.token is not None:
        return hmac.compare_digest(headers.get(sender.token, "").encode("latin-1"), secret.encode())
    given = next((headers[name] for name in sender.signatures if name in headers), "")
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.removeprefix("sha256=").encode(), wanted.encode())


@dataclass(frozen=True, slots=True)
class HookedRepository:
    """A repository whose forge sends messages, and what they wake; each returns whether the message concerns it."""

    secret: str = field(repr=False)
    """The secret that its webhooks know."""
    url: str
    """The address or path of the repository on its forge."""
    pushed: Callable[[str], bool]
    """Called with the branch."""
    pull_request_changed: Callable[[int], bool]
    """Called with the number of the pull request."""


class IncomingWebhooks:
    """Checks messages and wakes the repository that they are about. Counts each by its sender and result.

    A message counts only for a repository whose secret signed it.
    """

    def __init__(
        self, repositories: Sequence[HookedRepository], clock: Clock, count: Callable[[str, Result], None]
    ) -> None:
        self._repositories = repositories
        self._clock = clock
        self._count = count
        self._accepted: OrderedDict[bytes, None] = OrderedDict()
        self._logged_at: float | None = None

    def routes(self) -> list[Route]:
        """`POST /webhooks/github`, `/webhooks/gitlab` and `/webhooks/gitea`."""
        return [
            Route(f"/webhooks/{name}", self._endpoint(name, sender), methods=["POST"])
            for name, sender in SENDERS.items()
        ]

    def _endpoint(self, name: str, sender: Sender) -> Callable[[Request], Any]:
        async def receive(request: Request) -> Response:
            result, reason = await self._received(sender, request)
            self._count(name, result)
            self._log(name, result, reason)
            return PlainTextResponse(f"{result}: {reason}\n", status_code=_STATUS[result])

        return receive

    async def _received(self, sender: Sender, request: Request) -> tuple[Result, str]:
        headers = request.headers
        if not any(name in headers for name in (*sender.signatures, *filter(None, [sender.token]))):
            return Result.FORGED, "there is no signature"
        body = await _bounded_body(request)
        if body is None:
            return Result.TOO_LARGE, f"the body has more than {LARGEST_BODY} bytes"
        signed = [each for each in self._repositories if is_signed(sender, each.secret, headers, body)]
        if not signed:
            return Result.FORGED, "the signature does not match the secret"
        # The signed body identifies a message: the headers with its number are not signed.
        digest = hashlib.sha256(body).digest()
        if digest in self._accepted:
            return Result.REPEATED, "this message was accepted before"
        message = _message(headers.get("content-type", ""), body)
        if message is None:
            return Result.UNREADABLE, "the body is no JSON object"
        concerned = [each for each in signed if _concerns(message, repository_path(each.url).lower())]
        if not concerned:
            return Result.IGNORED, "it is about another repository"
        # Several entries may follow branches of one repository.
        found = [self._handled(each, sender, headers, message) for each in concerned]
        result, reason = next((each for each in found if each[0] is Result.ACCEPTED), found[0])
        if result is Result.ACCEPTED:
            self._accepted[digest] = None
            while len(self._accepted) > _REMEMBERED:
                self._accepted.popitem(last=False)
        return result, reason

    @staticmethod
    def _handled(
        repository: HookedRepository, sender: Sender, headers: Mapping[str, str], message: Mapping[str, Any]
    ) -> tuple[Result, str]:
        """Wake whom the event concerns."""
        event = next((headers[name] for name in sender.events if name in headers), "").lower()
        if event in sender.pushes:
            ref = message.get("ref")
            if not isinstance(ref, str) or not ref.startswith(_HEADS):
                return Result.IGNORED, "no branch was pushed"
            branch = ref.removeprefix(_HEADS)
            if repository.pushed(branch):
                return Result.ACCEPTED, "the repository is read now"
            return Result.IGNORED, "the branch is not followed"
        if event in sender.pull_requests:
            number = _number(message)
            if number is not None and repository.pull_request_changed(number):
                return Result.ACCEPTED, "the pull request is planned now"
            return Result.IGNORED, "pull requests are not planned"
        return Result.IGNORED, "this event is not used"

    def _log(self, name: str, result: Result, reason: str) -> None:
        if result in (Result.ACCEPTED, Result.IGNORED, Result.REPEATED):
            log.info("webhook.received", forge=name, result=result.value, reason=reason)
            return
        # Anybody can send these, so they must not fill the log; the metric counts each.
        now = self._clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= _LOG_INTERVAL_S:
            self._logged_at = now
            log.warning("webhook.refused", forge=name, result=result.value, reason=reason)


def _concerns(message: Mapping[str, Any], path: str) -> bool:
    """Whether the message is about the repository with this path."""
    named: set[str] = set()
    for key in ("repository", "project"):
        about = message.get(key)
        if isinstance(about, Mapping):
            named |= {value for name, value in about.items() if name in _NAMES and isinstance(value, str)}
    return path in {repository_path(each).lower() for each in named}


_NAMES = frozenset(
    {"full_name", "clone_url", "ssh_url", "html_url", "path_with_namespace", "git_http_url", "git_ssh_url", "web_url"}
)


def _number(message: Mapping[str, Any]) -> int | None:
    """The number of the pull request: GitLab calls it `iid`."""
    for key, name in (("pull_request", "number"), ("object_attributes", "iid")):
        about = message.get(key)
        number = about.get(name) if isinstance(about, Mapping) else None
        if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**53:
            return number
    return None


async def _bounded_body(request: Request) -> bytes | None:
    """The body; None when it is larger than LARGEST_BODY, which is found out without reading on."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > LARGEST_BODY:
        return None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def _message(content_type: str, body: bytes) -> Mapping[str, Any] | None:
    """The JSON object of a body; GitHub and Gitea can also send it as the form field `payload`."""
    try:
        text = body.decode()
        if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            text = parse_qs(text, strict_parsing=True, max_num_fields=10)["payload"][0]
        found = json.loads(text)
    except (ValueError, KeyError, RecursionError):
        return None
    return found if isinstance(found, Mapping) else None
