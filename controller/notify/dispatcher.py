"""Empties the outbox, each receiver separately: a dead one delays neither the others nor a delivery of flows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from itertools import groupby

import httpx
import structlog

from controller.domain.clock import Clock
from controller.domain.errors.process import StoreFailed
from controller.notify.outbox import OutboxPort, OutgoingMessage
from controller.notify.receiver import Receiver, checked_receiver
from controller.notify.webhook import CEILING_S, TIMEOUT_S, Reply, retry_after_s, send

_log = structlog.get_logger()

_POLL_S = 5.0
"""The longest time that a new message waits to be seen."""
_BATCH = 20

OnTry = Callable[[str, bool], None]
"""Called after each try with the receiver's name, and whether it took the message."""


class Dispatcher:
    """Sends what the outbox holds to the operator's receivers."""

    def __init__(
        self,
        outbox: OutboxPort,
        receivers: Collection[Receiver],
        *,
        allowed_hosts: Collection[str],
        clock: Clock,
        http: httpx.AsyncBaseTransport | None = None,
        on_try: OnTry | None = None,
    ) -> None:
        """Raises HostNotAllowed and SettingsInvalid for an unusable receiver."""
        self._outbox = outbox
        self._receivers = {receiver.name: checked_receiver(receiver, allowed_hosts) for receiver in receivers}
        self._clock = clock
        self._http = http
        self._on_try = on_try

    async def run(self) -> None:
        """Send until cancelled. A store that does not answer is asked again."""
        async with self._client() as client:
            while True:
                try:
                    sent = await self._send_due(client)
                    pause_s = 0.0 if sent == _BATCH else self._pause_s()
                except StoreFailed as error:
                    _log.warning("outbox.failed", error=error.message)
                    pause_s = _POLL_S
                await self._clock.sleep(pause_s)

    async def send_due(self) -> int:
        """Send the messages that are due, once; returns how many were tried. Raises StoreFailed."""
        async with self._client() as client:
            return await self._send_due(client)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self._http, timeout=TIMEOUT_S, follow_redirects=False)

    async def _send_due(self, client: httpx.AsyncClient) -> int:
        # All may go to one receiver, one after the other, each until its time limit; the rest is reserve.
        due = self._outbox.claim(limit=_BATCH, for_s=(_BATCH + 3) * TIMEOUT_S)
        by_target = sorted(due, key=lambda message: (message.target, message.id))
        try:
            async with asyncio.TaskGroup() as group:
                for target, messages in groupby(by_target, key=lambda message: message.target):
                    group.create_task(self._send_in_order(client, target, list(messages)))
        except* StoreFailed as errors:
            raise StoreFailed(str(errors.exceptions[0])) from errors
        return len(due)

    async def _send_in_order(self, client: httpx.AsyncClient, target: str, messages: Sequence[OutgoingMessage]) -> None:
        """Send one receiver's messages, oldest first; once it turns out to be down, the rest waits with that one."""
        receiver = self._receivers.get(target)
        if receiver is None:
            self._postpone(messages, f"no receiver is named {target}", CEILING_S)
            _log.warning("notification.unaddressed", receiver=target, waiting=len(messages))
            return
        for number, message in enumerate(messages):
            reply = await send(client, receiver, message, self._clock)
            if self._on_try is not None:
                self._on_try(target, reply.taken)
            if reply.taken:
                self._outbox.delivered(message.id)
                _log.info("notification.delivered", receiver=target, message=message.id, kind=message.kind)
                continue
            waiting = messages[number : number + 1] if reply.answered else messages[number:]
            self._retry(waiting, reply)
            if not reply.answered:
                return

    def _retry(self, messages: Sequence[OutgoingMessage], reply: Reply) -> None:
        """Let the messages wait together, so that the next round finds them in order again."""
        first = messages[0]
        wait_s = retry_after_s(first.attempts, reply.retry_after, self._clock.now())
        self._postpone(messages, reply.reason, wait_s)
        _log.warning(
            "notification.failed",
            receiver=first.target,
            message=first.id,
            attempt=first.attempts + 1,
            reason=reply.reason,
            waiting=len(messages),
            retry_in_s=round(wait_s),
        )

    def _postpone(self, messages: Sequence[OutgoingMessage], reason: str, wait_s: float) -> None:
        for message in messages:
            self._outbox.failed(message.id, reason, retry_after_s=wait_s)

    def _pause_s(self) -> float:
        """Seconds until the next message is due, at most the poll interval."""
        due = self._outbox.next_at()
        until = (due - self._clock.now()) if due else timedelta(seconds=_POLL_S)
        return min(_POLL_S, max(0.1, until.total_seconds()))
