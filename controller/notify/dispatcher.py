"""Empties the outbox, each receiver separately: a dead one delays neither the others nor a delivery of flows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import groupby

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.process import StoreFailed
from controller.notify.document import NOTIFICATION
from controller.notify.outbox import COMMIT_STATUS, OutboxPort, QueuedMessage
from controller.notify.target import CEILING_S, LONGEST_TRY_S, Reply, Send, Target, retry_after_s

_log = structlog.get_logger()

_POLL_S = 5.0
"""The longest time that a new message waits to be seen."""
_AGAIN_S = 0.1
"""Between two looks while messages are due that another process sends."""
_BATCH = 20
_CLAIM_S = 120.0
"""The messages of a round belong to it so long; those of a process that died are sent by another one after that."""
_STALE = timedelta(days=4)
"""Nobody needs an older message about the state of an organisation. Mail servers give up after as long (RFC 5321)."""
_STALE_KINDS = frozenset({NOTIFICATION, COMMIT_STATUS})

OnTry = Callable[[str, bool], None]
"""Called after each try with the receiver's name, and whether it took the message."""


class Dispatcher:
    """Sends what the outbox holds to the operator's receivers."""

    def __init__(
        self, outbox: OutboxPort, targets: Mapping[str, Target], *, clock: Clock, on_try: OnTry | None = None
    ) -> None:
        """`targets` are the receivers by the name that their messages have in the outbox."""
        self._outbox = outbox
        self._targets = targets
        self._clock = clock
        self._on_try = on_try

    async def run(self) -> None:
        """Send until cancelled. A store that does not answer is asked again."""
        async with self._opened() as sends:
            while True:
                try:
                    pause_s = self._due_in_s()
                    if pause_s <= 0:  # to claim takes a transaction that writes
                        sent = await self._send_due(sends)
                        pause_s = 0.0 if sent == _BATCH else max(_AGAIN_S, self._due_in_s())
                except StoreFailed as error:
                    _log.warning("outbox.failed", error=error.message)
                    pause_s = _POLL_S
                await self._clock.sleep(pause_s)

    async def send_due(self) -> int:
        """Send the messages that are due, once; returns how many were tried. Raises StoreFailed."""
        async with self._opened() as sends:
            return await self._send_due(sends)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Mapping[str, Send]]:
        async with AsyncExitStack() as stack:
            yield {name: await stack.enter_async_context(target.opened()) for name, target in self._targets.items()}

    async def _send_due(self, sends: Mapping[str, Send]) -> int:
        claimed_s = self._clock.monotonic()
        due = self._outbox.claim(limit=_BATCH, for_s=_CLAIM_S)
        by_target = sorted(due, key=lambda message: (message.target, message.id))
        try:
            async with asyncio.TaskGroup() as group:
                for target, messages in groupby(by_target, key=lambda message: message.target):
                    group.create_task(self._send_in_order(sends.get(target), list(messages), claimed_s))
        except* StoreFailed as errors:
            raise StoreFailed(str(errors.exceptions[0])) from errors
        return len(due)

    async def _send_in_order(self, send: Send | None, messages: Sequence[QueuedMessage], claimed_s: float) -> None:
        """Send one receiver's messages, oldest first; once it turns out to be down, the rest waits with that one."""
        target = messages[0].target
        if send is None:
            self._postpone(messages, f"no receiver is named {target}", CEILING_S)
            _log.warning("notification.unaddressed", receiver=target, waiting=len(messages))
            return
        for number, message in enumerate(messages):
            if self._clock.monotonic() - claimed_s > _CLAIM_S - 2 * LONGEST_TRY_S:
                self._outbox.release([each.id for each in messages[number:]])
                return
            reply = await send(message)
            if self._on_try is not None:
                self._on_try(target, reply.taken)
            if reply.taken:
                self._outbox.delivered(message.id)
                _log.info("notification.delivered", receiver=target, message=message.id, kind=message.kind)
                continue
            waiting = messages[number : number + 1] if reply.answered else messages[number:]
            if reply.final or self._is_stale(message):
                self._give_up(message, reply)
                waiting = waiting[1:]
            if waiting:
                self._retry(waiting, reply)
            if not reply.answered:
                return

    def _give_up(self, message: QueuedMessage, reply: Reply) -> None:
        self._outbox.give_up(message.id, reply.reason)
        _log.error("notification.given-up", receiver=message.target, message=message.id, reason=reply.reason)

    def _is_stale(self, message: QueuedMessage) -> bool:
        return message.kind in _STALE_KINDS and self._clock.now() - message.created_at > _STALE

    def _retry(self, messages: Sequence[QueuedMessage], reply: Reply) -> None:
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

    def _postpone(self, messages: Sequence[QueuedMessage], reason: str, wait_s: float) -> None:
        for message in messages:
            self._outbox.failed(message.id, reason, retry_after_s=wait_s)

    def _due_in_s(self) -> float:
        """Seconds until the next message is due, at most the poll interval; none or fewer where one is."""
        due = self._outbox.next_at()
        return _POLL_S if due is None else min(_POLL_S, (due - self._clock.now()).total_seconds())
