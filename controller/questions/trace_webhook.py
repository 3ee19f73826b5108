"""Telling an observability receiver how an action trace came out: signed, to allowed hosts only, tried a few times.

The message does not go through the store's outbox: its receiver is named on a command line, and no other process could
deliver it later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.diagnosis.action import ActionAnalysis, webhook_payload
from controller.notify import ACTION_TRACE, Receiver, checked_receiver, send_now
from controller.reconcile.announcing import webhook_secret
from controller.reconcile.services import Services

ATTEMPTS = 4
_NAME = "webhook"


@dataclass(frozen=True, slots=True)
class _Message:
    payload: Mapping[str, object] = field(repr=False)
    id: int = 1
    target: str = _NAME
    kind: str = ACTION_TRACE
    attempts: int = 0


class TraceWebhook:
    """One receiver. Making it checks everything, so that nothing is traced for a receiver that will not do.

    Raises HostNotAllowed for a host that is not on the operator's list, SettingsInvalid for a URL that is none and
    when the secret that signs messages is missing.
    """

    def __init__(self, services: Services, url: str) -> None:
        receiver = Receiver(_NAME, url, webhook_secret(services.settings))
        self._receiver = checked_receiver(receiver, services.settings.gate_hosts)
        self._clock = services.clock

    async def send(self, analysis: ActionAnalysis) -> str | None:
        """Send it; None when it arrived, otherwise why not. A receiver that is away is tried four times in all."""
        return await send_now(self._receiver, _Message(webhook_payload(analysis)), self._clock, attempts=ATTEMPTS)
