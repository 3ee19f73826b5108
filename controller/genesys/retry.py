"""When a call is sent again: full jitter for faults, the organisation's own word for rate limits (tenacity's loop).

Only errors that say that nothing happened reach the loop as repeatable: `AnswerLost` is never repeated.
"""

from __future__ import annotations

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential

from controller.domain.clock import Clock
from controller.domain.errors import BadAnswer, RateLimited, ServerFault, Unreachable
from controller.genesys.settings import TransportSettings

log = structlog.get_logger()

LONG_WAIT_S = 10.0
"""From here on a wait is told to whoever waits."""


class _Wait(wait_base):
    """`Retry-After` where the organisation gave it, backoff with full jitter otherwise."""

    def __init__(self, settings: TransportSettings) -> None:
        self._backoff = wait_random_exponential(multiplier=settings.retry_base_s, max=settings.retry_cap_s)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, RateLimited) and error.backs_off:
            return self._backoff(retry_state)
        told_s = error.retry_after_s if isinstance(error, RateLimited | ServerFault) else None
        return told_s or self._backoff(retry_state)


def attempts(call: str, clock: Clock, settings: TransportSettings) -> AsyncRetrying:
    """The attempts of one call: `async for attempt in attempts(...): with attempt: ...`; the last error is raised."""

    def worth_repeating(error: BaseException) -> bool:
        if isinstance(error, RateLimited | ServerFault):
            return (error.retry_after_s or 0.0) <= settings.longest_wait_s
        return isinstance(error, Unreachable) or (isinstance(error, BadAnswer) and error.again)

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait_s = state.next_action.sleep if state.next_action else 0.0
        say = log.warning if wait_s >= LONG_WAIT_S else log.info
        code = getattr(error, "code", None)
        say("call.repeated", call=call, attempt=state.attempt_number, error=code, wait_s=round(wait_s, 2))

    return AsyncRetrying(
        sleep=clock.sleep,
        stop=stop_after_attempt(settings.retries + 1),
        wait=_Wait(settings),
        retry=retry_if_exception(worth_repeating),
        before_sleep=tell,
        reraise=True,
    )
