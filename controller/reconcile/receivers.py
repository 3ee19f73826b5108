"""Makes the operator's receivers and rules of the configuration; secrets and addresses are masked from then on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from controller.domain.clock import Clock
from controller.domain.desired import SecretSource
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.notify.chat import Chat, ChatTarget
from controller.notify.mail import MailServer, MailTarget
from controller.notify.receiver import Receiver
from controller.notify.target import Target
from controller.notify.webhook import WebhookTarget
from controller.reconcile.announcing import RECEIVER, known_receiver
from controller.reconcile.commit_status import CommitStatusTarget
from controller.reconcile.configuration.document import read_configuration
from controller.reconcile.configuration.receiver_shapes import ChatShape, MailShape, ReceiverShape
from controller.reconcile.configuration.repositories import repository_settings
from controller.reconcile.credentials import read_secret
from controller.reconcile.notifications import Notifications
from controller.reconcile.settings import Settings


def configured_notifications(settings: Settings, clock: Clock) -> Notifications:
    """The receivers and rules of the configuration; none without one.

    Raises SettingsInvalid for mistakes in it, and for an unusable secret, address or template.
    """
    configuration = read_configuration(settings.config)
    if not configuration.receivers:
        return Notifications()
    if settings.webhook_url is not None and RECEIVER in configuration.receiver_names:
        raise SettingsInvalid(
            f"a receiver of the configuration is called {RECEIVER}, as that of PENSTOCK_WEBHOOK_URL is",
            hint="give it another name",
        )
    repositories = repository_settings(settings, configuration)
    statuses = {
        each.name: _repository_of(each, repositories, settings)
        for each in configuration.receivers
        if each.commit_status is not None
    }
    targets: dict[str, Target] = {name: CommitStatusTarget(own, clock) for name, own in statuses.items()}
    for each in configuration.receivers:
        targets |= dict(_target(each, clock))
    return Notifications(
        targets=targets,
        mailboxes={each.name: each.email.to for each in configuration.receivers if each.email is not None},
        statuses={name: own.repository_url or "" for name, own in statuses.items()},
        rules=tuple(each.value() for each in configuration.notifications),
    )


def _target(receiver: ReceiverShape, clock: Clock) -> Iterator[tuple[str, Target]]:
    name = receiver.name
    for chat, shape in ((Chat.SLACK, receiver.slack), (Chat.TEAMS, receiver.teams)):
        if shape is not None:
            yield name, ChatTarget(chat, _chat(name, shape), shape.templates.value())
    if receiver.email is not None:
        yield name, MailTarget(_server(name, receiver.email), receiver.email.templates.value())
    if receiver.webhook is not None:
        secret = receiver.webhook.secret
        key = None if secret is None else _secret(secret.source(), f"the secret of the receiver {name}")
        url = _secret(receiver.webhook.url.source(), f"the address of the receiver {name}")
        yield name, WebhookTarget(known_receiver(Receiver(name, url, key)), clock)


def _chat(name: str, shape: ChatShape) -> Receiver:
    return known_receiver(Receiver(name, _secret(shape.url.source(), f"the address of the receiver {name}")))


def _server(name: str, shape: MailShape) -> MailServer:
    password = None
    if shape.password is not None:
        password = _secret(shape.password.source(), f"the password of the receiver {name}")
    return MailServer(
        host=shape.server,
        port=shape.port_used,
        security=shape.security,
        username=shape.username,
        password=password,
        ca_file=None if shape.ca_file is None else Path(shape.ca_file),
        sender=shape.from_,
        recipients=shape.to,
    )


def _secret(source: SecretSource, what: str) -> str:
    found = read_secret(source, what)
    SECRETS.register(found)
    return found


def _repository_of(receiver: ReceiverShape, repositories: Mapping[str, Settings], settings: Settings) -> Settings:
    """The settings of the repository whose commits get the status. Raises SettingsInvalid."""
    wanted = receiver.commit_status.repository if receiver.commit_status is not None else None
    if wanted is None and repositories:
        raise SettingsInvalid(
            f"the receiver {receiver.name} does not say which repository it is for",
            hint=f"set commitStatus.repository to one of {', '.join(repositories)}",
        )
    found = settings if wanted is None else repositories[wanted]
    if found.forge is None:
        raise SettingsInvalid(
            f"the receiver {receiver.name} needs a forge, and its repository has none",
            hint="give the repository a forge, or set PENSTOCK_FORGE",
        )
    return found
