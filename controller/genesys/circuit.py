"""A circuit breaker: after a long outage calls fail at once, and one probe finds out when it is over (J7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import BadAnswer, CircuitOpen, PenstockError
from controller.genesys.call import Answer

log = structlog.get_logger()

_FEWEST_FAULTS = 5
_SILENCE_S = 5.0
"""One call that waited so long in vain is told, as are several that had no answer."""
_OUTAGE = frozenset({502, 503, 504})


class Circuit:
    """Closed while the organisation answers at all; a 4xx is an answer."""

    def __init__(self, clock: Clock, *, outage_s: float, probe_after_s: float) -> None:
        self._clock = clock
        self._outage_s = outage_s
        self._probe_after_s = probe_after_s
        self._faults = 0
        self._first_fault = 0.0
        self._last_fault = 0.0
        self._next_probe: float | None = None
        self._probing = False
        self._told = False

    @property
    def is_open(self) -> bool:
        return self._next_probe is not None

    def check(self) -> None:
        """Raises CircuitOpen when a call would fail at once."""
        if self._next_probe is None:
            return
        wait_s = self._next_probe - self._clock.monotonic()
        if self._probing or wait_s > 0:
            raise CircuitOpen(
                f"the organisation has not answered for {self._clock.monotonic() - self._first_fault:.0f} s;"
                f" calls fail at once until a probe gets through (next in {max(0.0, wait_s):.0f} s)"
            )

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Let one call through, as the probe when the circuit is open. Raises CircuitOpen."""
        self.check()
        probe = self.is_open
        self._probing = self._probing or probe
        try:
            yield
        finally:
            if probe:
                self._probing = False

    async def exchange(self, send: Callable[[], Awaitable[Answer]], *, proves: bool = True) -> Answer:
        """Let one exchange through, and learn from it whether the organisation is there.

        An answer that `proves` nothing ends no outage: the login may grant tokens while the API is away. An answer that
        cannot be read says nothing either way. Raises CircuitOpen, and what sending raises.
        """
        async with self.attempt():
            began = self._clock.monotonic()
            try:
                answer = await send()
            except BadAnswer:
                raise
            except PenstockError as error:
                self.failed()
                self._tell(error.message, began)
                raise
            if answer.status in _OUTAGE:
                self.failed()
                self._tell(f"it answered {answer.status}", began)
            elif proves:
                self.answered()
            return answer

    def answered(self) -> None:
        """The organisation answered: whatever it said, it is there."""
        if self.is_open:
            log.info("circuit.closed", outage_s=round(self._clock.monotonic() - self._first_fault, 1))
        elif self._told:
            log.info("organization.answers-again")
        self._faults = 0
        self._next_probe = None
        self._told = False

    def failed(self) -> None:
        """No answer, or one that says that nobody is at home (502, 503, 504)."""
        now = self._clock.monotonic()
        if self._faults and now - self._last_fault > self._outage_s and not self.is_open:
            self._faults = 0  # two faults with a long silence between them are no outage
        if not self._faults:
            self._first_fault = now
        self._faults += 1
        self._last_fault = now
        if self.is_open:
            self._next_probe = now + self._probe_after_s
        elif self._faults >= _FEWEST_FAULTS and now - self._first_fault >= self._outage_s:
            self._next_probe = now + self._probe_after_s
            log.warning("circuit.opened", faults=self._faults, outage_s=round(now - self._first_fault, 1))

    def _tell(self, fault: str, began: float) -> None:
        """Say once in an outage that the organisation does not answer, while its calls are tried again."""
        if self._told or (self._faults == 1 and self._clock.monotonic() - began < _SILENCE_S):
            return
        self._told = True
        log.warning("organization.unanswered", fault=fault, hint="it is tried again")
