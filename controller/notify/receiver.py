"""What the operator says of receivers: names for the outbox, allowed URLs, signing secrets, templates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.process import SettingsInvalid

SHORTEST_SECRET = 16
"""Characters. A shorter signing secret can be guessed."""


class MailSecurity(StrEnum):
    """How the connection to a mail server is encrypted."""

    STARTTLS = "starttls"
    """From a plain connection on, before anything is said; refused where the server cannot."""
    TLS = "tls"
    """From its beginning."""
    NONE = "none"
    """Not at all."""


@dataclass(frozen=True, slots=True)
class MessageTemplates:
    """The files that replace Penstock's own templates, as far as the operator gave some."""

    title: Path | None = None
    text: Path | None = None
    html: Path | None = None
    """Of the HTML part of mails."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """One webhook receiver. Its URL can hold a secret: messages and logs name it by `name` and host only."""

    name: str
    """The `target` of its messages in the outbox."""
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    """The HMAC key; at least SHORTEST_SECRET characters. Without one messages are sent unsigned."""

    @property
    def host(self) -> str:
        """The host, for messages and logs."""
        return urlsplit(self.url).hostname or ""


def checked_receiver(receiver: Receiver, allowed_hosts: Collection[str]) -> Receiver:
    """The receiver, if the operator allows its host. Only the operator's settings may name one, never a repository.

    Raises HostNotAllowed when the host is not on the list, and SettingsInvalid for an unusable URL or secret.
    """
    try:
        parts = urlsplit(receiver.url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise SettingsInvalid(f"the URL of the receiver {receiver.name} cannot be read") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise SettingsInvalid(f"the URL of the receiver {receiver.name} is not an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise SettingsInvalid(
            f"the URL of the receiver {receiver.name} holds a login", hint="leave it out: messages are signed"
        )
    if receiver.secret is not None and len(receiver.secret) < SHORTEST_SECRET:
        raise SettingsInvalid(
            f"the secret of the receiver {receiver.name} is shorter than {SHORTEST_SECRET} characters",
            hint="openssl rand -hex 32",
        )
    if host not in {allowed.lower() for allowed in allowed_hosts}:
        raise HostNotAllowed(
            f"the receiver {receiver.name} is on {host}, which is not allowed",
            hint=f"add {host} to PENSTOCK_GATE_HOSTS",
        )
    return receiver
