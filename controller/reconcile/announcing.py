"""Sends the messages in the outbox to the operator's receivers; that of change management is told of migrations.

A receiver's address comes only from the operator, so its host is allowed; no manifest gains a host by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.notify.dispatcher import Dispatcher, OnTry
from controller.notify.receiver import SHORTEST_SECRET, Receiver, checked_receiver
from controller.notify.target import Target
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
    return known_receiver(Receiver(RECEIVER, settings.webhook_url, webhook_secret(settings)))


def known_receiver(receiver: Receiver) -> Receiver:
    """The operator's receiver after a check; its address is masked from then on. Raises SettingsInvalid."""
    SECRETS.register(receiver.url)
    checked = checked_receiver(receiver, {receiver.host})
    SECRETS.register(urlsplit(receiver.url).path)  # hooks carry their token there
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
    """Sends the messages in the outbox. Without receivers, messages stay there."""

    def __init__(self, store: Store, targets: Mapping[str, Target], clock: Clock, on_try: OnTry | None = None) -> None:
        """`targets` are the receivers by name."""
        self._dispatcher = Dispatcher(store.outbox, targets, clock=clock, on_try=on_try)
        self._idle = not targets
        self._clock = clock

    async def run(self) -> None:
        """Send until cancelled. An unreachable receiver is retried, and an internal fault is logged and survived."""
        if self._idle:
            return
        while True:
            try:
                await self._dispatcher.run()
            except Exception:
                log.exception("notification.broke")
            await self._clock.sleep(RESTART_S)

    async def flush(self) -> None:
        """Send due messages, for a short while. Never raises: unsent messages stay in the outbox."""
        if self._idle:
            return
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._dispatcher.send_due()
        except (TimeoutError, PenstockError) as error:
            log.warning("notification.left", reason=str(error) or "the receiver did not answer in time")
