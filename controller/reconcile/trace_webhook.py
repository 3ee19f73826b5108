"""Telling an observability receiver how an action trace came out: signed, to allowed hosts only, tried a few times.

The message does not go through the store's outbox: its receiver is named on a command line, and no other process could
deliver it later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from controller.diagnosis.action import ActionAnalysis, webhook_payload
from controller.domain.clock import Clock
from controller.domain.desired import SecretSource
from controller.domain.redaction import SECRETS
from controller.notify import ACTION_TRACE, Dispatcher, Receiver, event
from controller.reconcile.credentials import read_secret
from controller.reconcile.services import Services

SECRET_VARIABLE = "PENSTOCK_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable, not the secret
ATTEMPTS = 4
_NAME = "webhook"


@dataclass(frozen=True, slots=True)
class _Message:
    id: int
    target: str
    kind: str
    payload: Mapping[str, object] = field(repr=False)
    attempts: int = 0


class _OneMessage:
    """An outbox of one message, which lives as long as the command does."""

    def __init__(self, payload: Mapping[str, object], clock: Clock) -> None:
        self.waiting: _Message | None = _Message(1, _NAME, ACTION_TRACE, payload)
        self.reason = ""
        self._clock = clock
        self._due = clock.now()

    def claim(self, *, limit: int = 20, for_s: float = 60.0) -> Sequence[_Message]:  # noqa: ARG002 - the port's signature
        return [self.waiting] if self.waiting and self._due <= self._clock.now() else []

    def delivered(self, message_id: int) -> None:  # noqa: ARG002 - the port's signature
        self.waiting = None

    def failed(self, message_id: int, reason: str, *, retry_after_s: float) -> None:  # noqa: ARG002
        self.reason = reason
        self._due = self._clock.now() + timedelta(seconds=retry_after_s)
        if self.waiting:
            self.waiting = replace(self.waiting, attempts=self.waiting.attempts + 1)

    def next_at(self) -> datetime | None:
        return self._due if self.waiting else None


class TraceWebhook:
    """One receiver. Making it checks everything, so that nothing is traced for a receiver that will not do.

    Raises HostNotAllowed for a host that is not on the operator's list, SettingsInvalid for a URL that is none and
    when the secret that signs messages is missing from the environment.
    """

    def __init__(self, services: Services, url: str) -> None:
        secret = read_secret(SecretSource(env=SECRET_VARIABLE), "the webhook's secret")
        SECRETS.register(secret)
        self._receiver = Receiver(_NAME, url, secret)
        self._services = services
        self._dispatcher({})

    async def send(self, analysis: ActionAnalysis) -> str | None:
        """Send it; None when it arrived, otherwise why not. A failure is logged and tried again, four times in all."""
        clock = self._services.clock
        outbox, dispatcher = self._dispatcher(event(ACTION_TRACE, webhook_payload(analysis)))
        for attempt in range(ATTEMPTS):
            await dispatcher.send_due()
            due = outbox.next_at()
            if due is None:
                return None
            if attempt + 1 < ATTEMPTS:
                await clock.sleep(max(0.0, (due - clock.now()).total_seconds()))
        return outbox.reason

    def _dispatcher(self, payload: Mapping[str, object]) -> tuple[_OneMessage, Dispatcher]:
        outbox = _OneMessage(payload, self._services.clock)
        allowed = self._services.settings.gate_hosts
        return outbox, Dispatcher(outbox, [self._receiver], allowed_hosts=allowed, clock=self._services.clock)
