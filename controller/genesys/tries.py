"""How often one request is sent, and how long the waits in between are. This module is the whole answer.

1. A call is tried at most `retries + 1` times (4 by default): after a rate limit, a server fault, a connection that
   broke and, for reads, an unreadable response. The waits have full jitter; `Retry-After` goes before them.
2. A try that is answered 401 is sent a second time with a new token, because a refused call did nothing.
3. A write is never sent again after its response was lost: `AnswerLost` goes to the caller.

Above this level delivery repeats whole writes, only where the earlier ones certainly had no effect:
`delivery/writer.py` holds the numbers.
"""

from __future__ import annotations

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import BadAnswer, PenstockError, RateLimited, ServerFault, Unreachable
from controller.domain.waiting import Patience
from controller.genesys.settings import TransportSettings

log = structlog.get_logger()

LONG_WAIT_S = 10.0
"""A wait of this length or more is logged as a warning."""


class Tries:
    """The tries of one call."""

    def __init__(self, call: str, clock: Clock, settings: TransportSettings) -> None:
        self._call = call
        self._clock = clock
        self._longest_wait_s = settings.longest_wait_s
        self._patience = Patience(settings.retry_base_s, longest_s=settings.retry_cap_s, attempts=settings.retries + 1)
        self._failed = 0

    async def wait_after(self, error: PenstockError) -> None:
        """Wait until the next try. Raises the error where there is none."""
        self._failed += 1
        if self._failed >= self._patience.attempts or not self._is_worth_repeating(error):
            raise error
        wait_s = self._wait_s(error)
        say = log.warning if wait_s >= LONG_WAIT_S else log.info
        say("call.repeated", call=self._call, attempt=self._failed, error=error.code, wait_s=round(wait_s, 2))
        await self._clock.sleep(wait_s)

    def _is_worth_repeating(self, error: PenstockError) -> bool:
        if isinstance(error, RateLimited | ServerFault):
            return (error.retry_after_s or 0.0) <= self._longest_wait_s
        return isinstance(error, Unreachable) or (isinstance(error, BadAnswer) and error.again)

    def _wait_s(self, error: PenstockError) -> float:
        told_s = None
        if isinstance(error, ServerFault) or (isinstance(error, RateLimited) and not error.backs_off):
            told_s = error.retry_after_s
        return told_s or self._patience.jittered_s(self._failed)
