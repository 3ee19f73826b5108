"""A limit of processor time for running processes, as the kernel sets one for a container."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_PERIOD_S, _TICK_S = 0.1, 0.004


def cpu_clock_s(process: int) -> float:
    """The processor time of all threads of another process, as clock_getcpuclockid(3) names its clock."""
    return time.clock_gettime((~process << 3) | 2)


@contextmanager
def throttled(processes: Sequence[int], share: float) -> Iterator[None]:
    """Let each process have no more than this share of a processor, as the kernel does for a container's CPU limit.

    In each period of 100 ms a process that has had its share is stopped until the next one. What it had too much, it
    has less then.
    """
    ended = threading.Event()
    limits = [_Limit(process, share * _PERIOD_S) for process in processes]

    def run() -> None:
        while not ended.is_set():
            for each in limits:
                each.begin()
            until_s = time.monotonic() + _PERIOD_S
            while time.monotonic() < until_s:
                for each in limits:
                    each.check()
                time.sleep(_TICK_S)

    thread = threading.Thread(target=run, name="limits")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for each in limits:
            each.send(signal.SIGCONT)


class _Limit:
    def __init__(self, process: int, quota_s: float) -> None:
        self._process = process
        self._quota_s = quota_s
        self._allowed_s = cpu_clock_s(process)
        """Its processor time at which it is stopped."""
        self._stopped = False

    def begin(self) -> None:
        # What was not used is lost.
        self._allowed_s = max(self._allowed_s, cpu_clock_s(self._process) - self._quota_s) + self._quota_s
        self.send(signal.SIGCONT)
        self.check()

    def check(self) -> None:
        if not self._stopped and cpu_clock_s(self._process) >= self._allowed_s:
            self.send(signal.SIGSTOP)

    def send(self, number: signal.Signals) -> None:
        self._stopped = number == signal.SIGSTOP
        os.kill(self._process, number)
