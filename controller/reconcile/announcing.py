"""Notifies change management of migrations: the operator's receiver, the outbox, its dispatcher.

The receiver's URL comes only from the operator, so its host is allowed; no manifest gains a host by it.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.notify.dispatcher import Dispatcher, OnTry
from controller.notify.receiver import SHORTEST_SECRET, Receiver, checked_receiver
from controller.reconcile.credentials import operator_secret
from controller.reconcile.settings import Settings
from controller.store.store import Store

SECRET_VARIABLE = "PENSTOCK_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable, not the secret
RECEIVER = "change-management"
"""The receiver's name in the outbox."""
FLUSH_S = 10.0
"""Seconds that the end of a process waits for the receiver; the next process sends the rest."""
RESTART_S = 30.0

log = structlog.get_logger()


def receiver_of(settings: Settings) -> Receiver | None:
    """The operator's receiver after a check; its secret and URL are masked from then on. Raises SettingsInvalid."""
    if settings.webhook_url is None:
        return None
    SECRETS.register(settings.webhook_url)
    receiver = Receiver(RECEIVER, settings.webhook_url, webhook_secret(settings))
    checked = checked_receiver(receiver, {receiver.host})
    SECRETS.register(urlsplit(settings.webhook_url).path)  # hooks carry their token there
    return checked


def webhook_secret(settings: Settings) -> str | None:
    """The secret that signs the messages of every webhook, masked from then on; None, after a warning, if unset.

    Raises SettingsInvalid when the setting leads to no usable secret.
    """
    secret = operator_secret(settings.webhook_secret_file, SECRET_VARIABLE, "the webhook's secret")
    if secret is None:
        log.warning(
            "webhook.unsigned",
            hint=f"set {SECRET_VARIABLE} or {SECRET_VARIABLE}_FILE, so that the receiver can verify messages",
        )
    return secret


def incoming_webhook_secret(settings: Settings) -> str | None:
    """The secret that the forge's webhooks know, masked from then on; None when none is set.

    Raises SettingsInvalid when the setting leads to no usable secret, or to one of fewer than SHORTEST_SECRET
    characters.
    """
    secret = operator_secret(
        settings.incoming_webhook_secret_file,
        settings.incoming_webhook_secret_variable,
        "the secret of incoming webhooks",
    )
    if secret is not None and len(secret) < SHORTEST_SECRET:
        raise SettingsInvalid(
            f"the secret of incoming webhooks has {len(secret)} characters, which can be guessed",
            hint=f"use at least {SHORTEST_SECRET} random characters, for example of `openssl rand -hex 32`",
        )
    return secret


class Announcements:
    """Sends the messages in the outbox. Without a receiver, messages stay there."""

    def __init__(self, store: Store, receiver: Receiver | None, clock: Clock, on_try: OnTry | None = None) -> None:
        self._clock = clock
        self._on_try = on_try
        self._store = store
        self._receiver = receiver

    async def run(self) -> None:
        """Send until cancelled. An unreachable receiver is retried, and an internal fault is logged and survived."""
        if self._receiver is None:
            return
        while True:
            try:
                await self._dispatcher(self._receiver).run()
            except Exception:
                log.exception("notification.broke")
            await self._clock.sleep(RESTART_S)

    async def flush(self) -> None:
        """Send due messages, for a short while. Never raises: unsent messages stay in the outbox."""
        if self._receiver is None:
            return
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._dispatcher(self._receiver).send_due()
        except (TimeoutError, PenstockError) as error:
            log.warning("notification.left", reason=str(error) or "the receiver did not answer in time")

    def _dispatcher(self, receiver: Receiver) -> Dispatcher:
        return Dispatcher(
            self._store.outbox,
            [receiver],
            allowed_hosts={receiver.host},
            clock=self._clock,
            on_try=self._on_try,
        )
