"""Maps httpx's exceptions and a forge's answers to errors of the domain, in one table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import httpx

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.forge import (
    ForgeLimited,
    ForgeLoginFailed,
    ForgeNotFound,
    ForgePermissionMissing,
    ForgeRejected,
    ForgeUnavailable,
)
from controller.domain.excerpt import excerpt, first_words
from controller.forges.call import ForgeAnswer, ForgeCall

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""After these the request was certainly not processed; after any other exception of httpx it may have been."""

_SCOPES = re.compile(r"scope[^\[]{0,40}\[([\w:, -]{1,200})\]")
"""Gitea: `token does not have at least one of required scope(s), required=[write:issue]`."""


def fault_of(call: ForgeCall, error: Exception, host: str) -> ForgeUnavailable:
    """The error for an exception of httpx. It never shows a URL."""
    kind = type(error).__name__
    if isinstance(error, NOT_SENT):
        words = excerpt(str(error), limit=200)
        shown = f"{kind}: {words}" if words else kind
        return ForgeUnavailable(f"{call.name}: {host} could not be reached ({shown})")
    return lost(call, f"the connection to {host} broke ({kind})")


def lost(call: ForgeCall, reason: str) -> ForgeUnavailable:
    """The error for a request without a usable answer; a write may have taken effect."""
    tail = "" if call.repeatable else "; the write may or may not have taken effect"
    return ForgeUnavailable(f"{call.name}: {reason}{tail}", uncertain=not call.repeatable)


def error_of(call: ForgeCall, answer: ForgeAnswer, repository: str, wait_s: float | None) -> PenstockError:
    """The error for an unsuccessful answer; `wait_s` is the wait that a request limit asks for, None without one."""
    words = f"{call.name}: {answer.status}: {words_of(answer)}"
    if wait_s is not None:
        return ForgeLimited(f"{words}; try again in {wait_s:.0f} s", retry_after_s=wait_s)
    match answer.status:
        case 401:
            return ForgeLoginFailed(words, status=401, hint="check that the token is right and has not expired")
        case 403:
            return _forbidden(call, answer, words)
        case 404 | 410:
            return not_found(call, repository, status=answer.status)
        case status if status in (408, 425) or status >= 500:
            return lost(call, f"{answer.status}: {words_of(answer)}")
    return ForgeRejected(words, status=answer.status)


def not_found(call: ForgeCall, repository: str, *, status: int = 404) -> ForgeNotFound:
    """The error for a missing thing, or for a repository that the token may not see."""
    if not call.what:
        return ForgeNotFound(
            f"the repository {repository} does not exist, or the token may not see it",
            of_repository=True,
            status=status,
            hint="check the repository's name, and that the token was given access to it",
        )
    return ForgeNotFound(f"{repository} has no {call.what}", of_repository=False, status=status)


def _forbidden(call: ForgeCall, answer: ForgeAnswer, words: str) -> ForgePermissionMissing:
    permission = _named_permission(answer) or call.permission or "not named by the forge"
    return ForgePermissionMissing(
        f"{words}; the token lacks: {permission}",
        permission=permission,
        hint="give the token this permission, or use one that has it",
    )


def _named_permission(answer: ForgeAnswer) -> str | None:
    """GitHub names the permissions in a header, Gitea and GitLab name scopes in the body."""
    accepted = answer.headers.get("x-accepted-github-permissions", "")
    if accepted:
        return excerpt(" or ".join(part.strip() for part in accepted.split(";")), limit=200)
    body = _json(answer)
    if isinstance(body, dict) and body.get("error") == "insufficient_scope" and body.get("scope"):
        return f"scope {excerpt(str(body['scope']), limit=100)}"
    found = _SCOPES.search(words_of(answer))
    return f"scope {found[1]}" if found else None


def words_of(answer: ForgeAnswer) -> str:
    """The forge's own words about a rejected request, on one line, short and without secrets."""
    body = _json(answer)
    if not isinstance(body, Mapping):
        return first_words(answer.content)
    messages = [body.get("message"), body.get("error_description") or body.get("error")]
    details = body.get("errors")
    messages += details if isinstance(details, list) else []
    parts = [part for part in map(_flat, messages) if part]
    return excerpt("; ".join(dict.fromkeys(parts)), limit=400) or "no message"


def _flat(value: object) -> str:
    """GitHub's errors are objects or texts; GitLab's messages are texts, lists, or lists by field."""
    if isinstance(value, Mapping):
        if isinstance(value.get("message"), str) and value["message"]:
            return str(value["message"])
        return ", ".join(f"{key} {_flat(item)}" for key, item in list(value.items())[:10])
    if isinstance(value, list):
        return ", ".join(_flat(item) for item in value[:10])
    return "" if value is None else str(value)


def _json(answer: ForgeAnswer) -> object:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
