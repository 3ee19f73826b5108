"""The shapes of receivers of messages, and of the operator's rules for who is told of what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, StrictInt, StrictStr, model_validator

from controller.domain.addresses import is_loopback
from controller.domain.notification import NotificationRule
from controller.manifests.fields import Slug, Text, mistaken
from controller.manifests.notifications import NotificationShape
from controller.manifests.shape import Choice, Shape
from controller.notify.receiver import MailSecurity, MessageTemplates
from controller.reconcile.configuration.fields import AbsolutePath, OrganizationPattern, SecretReferenceShape

_PORTS = {MailSecurity.STARTTLS: 587, MailSecurity.TLS: 465, MailSecurity.NONE: 25}


def _address(value: str) -> str:
    """A part of what RFC 5321 allows: no quoted local parts, and nothing that could end a header."""
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value):
        raise mistaken("must be the address of a mailbox", "for example voice-team@example.com")
    return value


def _mail_host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F]*:[0-9a-fA-F:]*", value):
        raise mistaken("must be the name or the address of a mail server", "for example smtp.example.com")
    return value


MailAddress = Annotated[StrictStr, AfterValidator(_address)]


class TemplatesShape(Shape):
    """Jinja2 templates that replace Penstock's own words."""

    title: AbsolutePath | None = None
    """File with the template of the title, which is one line."""
    text: AbsolutePath | None = None
    """File with the template of the text, in the markup of the receiver."""
    html: AbsolutePath | None = None
    """File with the template of the HTML part of mails."""

    def value(self) -> MessageTemplates:
        """The files."""
        title, text, html = (None if each is None else Path(each) for each in (self.title, self.text, self.html))
        return MessageTemplates(title, text, html)


class ChatShape(Shape):
    """A channel of a chat, behind an address that is its secret."""

    url: SecretReferenceShape
    """Where the address is kept."""
    templates: TemplatesShape = Field(default_factory=TemplatesShape)
    """Words of your own."""


class MailShape(Shape):
    """Mailboxes behind a mail server. Each gets a mail of its own."""

    server: Annotated[StrictStr, AfterValidator(_mail_host)]
    """The mail server that takes mails in."""
    port: Annotated[StrictInt, Field(ge=1, le=65535)] | None = None
    """Its port; 587 for `starttls`, 465 for `tls` and 25 for `none` if left out."""
    security: MailSecurity = MailSecurity.STARTTLS
    """`starttls` and `tls` encrypt and check the server's certificate, `none` does neither."""
    username: Text | None = None
    """The user that logs in; nobody does if left out."""
    password: SecretReferenceShape | None = None
    """Where the password is kept."""
    ca_file: AbsolutePath | None = None
    """Certificates of authorities that the server's certificate may come from, as PEM; the system's if left out."""
    from_: Annotated[MailAddress, Field(alias="from")]
    """The sender of the mails."""
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1)]
    """The mailboxes."""
    templates: TemplatesShape = Field(default_factory=TemplatesShape)
    """Words of your own."""

    @property
    def port_used(self) -> int:
        """The port, or the usual one."""
        return self.port or _PORTS[self.security]

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise mistaken("must hold username and password, or neither")
        if self.password is not None and self.security is MailSecurity.NONE and not is_loopback(self.server):
            raise mistaken("would send the password unencrypted", "set security to starttls or tls")
        return self


class SignedWebhookShape(Shape):
    """An address that gets messages as JSON, signed."""

    url: SecretReferenceShape
    """Where the address is kept."""
    secret: SecretReferenceShape | None = None
    """Where the secret is kept that signs the messages; they are not signed if left out."""


class CommitStatusShape(Shape):
    """The commit of the manifests, on the forge, in the context `penstock/<organisation>`."""

    repository: Slug | None = None
    """A repository of this configuration that has a forge, by name; without `repositories` the one of the variables."""


class ReceiverShape(Choice):
    """Takes messages. Rules and manifests name it, and never know where it is."""

    choices: ClassVar[tuple[str, ...]] = ("slack", "teams", "email", "webhook", "commitStatus")

    name: Slug
    """Its name in rules, manifests, logs and metrics."""
    slack: ChatShape | None = None
    """An incoming webhook of Slack, or of a chat that takes Slack's format, such as Mattermost."""
    teams: ChatShape | None = None
    """A workflow of Microsoft Teams that posts when it is called."""
    email: MailShape | None = None
    """Mailboxes."""
    webhook: SignedWebhookShape | None = None
    """A program."""
    commit_status: CommitStatusShape | None = None
    """The status of the commit that is delivered."""


class OperatorNotificationShape(NotificationShape):
    """Which events a receiver is told of."""

    organizations: tuple[OrganizationPattern, ...] = ()
    """Patterns of the organisations; all when empty."""

    def value(self) -> NotificationRule:
        """The rule."""
        events = frozenset(self.events) or NotificationRule("").events
        return NotificationRule(self.receiver, events, self.severity, dict(self.labels), self.organizations)
