"""A circuit breaker: during a long outage calls fail at once, and single probes detect its end (J7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import BadAnswer, CircuitOpen

log = structlog.get_logger()

_FEWEST_FAULTS = 5
_SILENCE_S = 5.0
"""A single call is reported when it waited this long without an answer; several are always."""
_OUTAGE = frozenset({502, 503, 504})


@dataclass(slots=True)
class Exchange:
    """One exchange. Its sender sets the status of the answer."""

    status: int = 0


class Circuit:
    """Closed while the organisation answers at all; a 4xx is an answer too."""

    def __init__(self, clock: Clock, *, outage_s: float, probe_after_s: float) -> None:
        self._clock = clock
        self._outage_s = outage_s
        self._probe_after_s = probe_after_s
        self._faults = 0
        self._first_fault = 0.0
        self._last_fault = 0.0
        self._next_probe: float | None = None
        self._probing = False
        self._reported = False

    @property
    def is_open(self) -> bool:
        return self._next_probe is not None

    def check(self) -> None:
        """Raise CircuitOpen if a call would fail at once."""
        if self._next_probe is None:
            return
        wait_s = self._next_probe - self._clock.monotonic()
        if self._probing or wait_s > 0:
            raise CircuitOpen(
                f"the organisation has not answered for {self._clock.monotonic() - self._first_fault:.0f} s;"
                f" calls fail at once until a probe gets through (next in {max(0.0, wait_s):.0f} s)"
            )

    @contextmanager
    def exchange(self, *, proves: bool = True) -> Iterator[Exchange]:
        """Allow one exchange, as the probe if the circuit is open, and learn whether the organisation answers.

        An answer that `proves` nothing ends no outage: the login may grant tokens while the API is away. An unreadable
        answer is neutral. Raises CircuitOpen.
        """
        self.check()
        exchange, began, probe = Exchange(), self._clock.monotonic(), self.is_open
        self._probing = self._probing or probe
        try:
            yield exchange
        except BadAnswer:
            raise
        except PenstockError as error:
            self._failed(error.message, began)
            raise
        else:
            if exchange.status in _OUTAGE:
                self._failed(f"it answered {exchange.status}", began)
            elif proves:
                self._answered()
        finally:
            if probe:
                self._probing = False

    def _answered(self) -> None:
        if self.is_open:
            log.info("circuit.closed", outage_s=round(self._clock.monotonic() - self._first_fault, 1))
        elif self._reported:
            log.info("organization.answers-again")
        self._faults = 0
        self._next_probe = None
        self._reported = False

    def _failed(self, fault: str, began: float) -> None:
        """Count a missing answer, or one that reports an unavailable service (502, 503, 504)."""
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
        self._tell(fault, began)

    def _tell(self, fault: str, began: float) -> None:
        """Log once per outage that the organisation does not answer, while its calls are tried again."""
        if self._reported or (self._faults == 1 and self._clock.monotonic() - began < _SILENCE_S):
            return
        self._reported = True
        log.warning("organization.unanswered", fault=fault, hint="it is tried again")
