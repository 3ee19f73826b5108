"""Numbers that were measured, and how processor time and memory of a command are taken."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured quantity: a value for each seed or repetition, beside a peer's, a lower bound and a target.

    Less is better in every row.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    target: float | None = None
    """The largest median that reaches the target, in `unit`, or as a multiple of `peer` where `relative` is true."""
    peer: str = ""
    """The name of the peer; empty without one."""
    peer_values: tuple[float, ...] = ()
    """Measured in the same run, value by value."""
    bound: float | None = None
    """No program can do with less."""
    relative: bool = False
    counted: bool = False
    """Whether the value is the same on every machine, so that `--smoke` compares it with the baseline."""
    note: str = ""
    pace: float = 1.0
    """What a target in processor time is multiplied by, because this machine is slower than the one it was set on."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """Median of the quotients with the peer's values; None without a peer."""
        if not self.peer_values:
            return None
        return statistics.median(own / other for own, other in zip(self.values, self.peer_values, strict=True))

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without a target."""
        if self.target is None:
            return None
        value = self.ratio if self.relative else self.median / self.pace
        return value is not None and value <= self.target

    @property
    def timed(self) -> bool:
        """Whether the target is processor time of this machine: neither counted, simulated nor beside a peer."""
        seconds = self.unit == "ms" or self.unit.partition(" ")[0] == "s"
        return self.target is not None and seconds and not self.relative and not self.counted


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question found out, or why it was not asked."""

    question: str
    conditions: Mapping[str, object]
    """How it was measured: sizes, limits, seeds, versions."""
    rows: tuple[Row, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Peers or cases that were left out, and why."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took."""

    user_s: float
    system_s: float
    wall_s: float
    peak_mib: float
    output: str = ""


def cost_of(
    words: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    codes: Sequence[int] = (0,),
) -> Cost:
    """Run a program to its end. Raises RuntimeError where it ends with another code than these.

    What `wait4` gives: that of the program and of the children that it waited for; the peak is that of the largest.
    """
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report"
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-I", str(_LAUNCH), str(report), *words],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        wall_s = time.monotonic() - began
        if done.returncode not in codes:
            raise RuntimeError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout[-2000:]}")
        user_s, system_s, peak_kib = map(float, report.read_text(encoding="ascii").split())
    return Cost(user_s, system_s, wall_s, peak_kib / 1024, done.stdout)


def user_s_of(work: Callable[[], object]) -> float:
    """Seconds of user time that this process spends on the work."""
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
