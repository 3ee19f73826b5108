"""Words values for people: moments, spans, statuses with their shapes, and shares of a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controller.domain.status import Health, StepState, SyncStatus
from controller.domain.wording import span
from controller.questions.live_origins import LiveResult
from controller.store.actions import ActionOutcome
from controller.store.records import SyncState, WriteOutcome

_DIGEST_SHOWN = 12
_LONGEST_FIGURE = 120


@dataclass(frozen=True, slots=True)
class Badge:
    """How a status looks beside its word: a shape, so that nobody needs to tell colours apart, and a tone."""

    tone: str
    """`good`, `bad`, `drift`, `busy` or `calm`."""
    shape: str


_GOOD = Badge("good", "check")
_BAD = Badge("bad", "alert")
_DIFFERS = Badge("drift", "differs")
_GAP = Badge("drift", "gap")
_BUSY = Badge("busy", "turn")
_WAIT = Badge("calm", "wait")
_PAUSE = Badge("calm", "pause")
_BACK = Badge("drift", "back")
_STOP = Badge("drift", "stop")
_UNKNOWN = Badge("calm", "question")

_LOOKS: Mapping[str, Badge] = {
    Health.HEALTHY: _GOOD,
    Health.SUSPENDED: _PAUSE,
    Health.PROGRESSING: _BUSY,
    Health.MISSING: _GAP,
    Health.DEGRADED: _BAD,
    SyncStatus.SYNCED: _GOOD,
    SyncStatus.OUT_OF_SYNC: _DIFFERS,
    **dict.fromkeys((StepState.HEALTHY, StepState.EXPORTED, StepState.RECORDED), _GOOD),
    **dict.fromkeys((StepState.FAILED, StepState.ROLLBACK_FAILED), _BAD),
    **dict.fromkeys((StepState.PENDING, StepState.VALIDATED), _WAIT),
    **dict.fromkeys((StepState.PUBLISHING, StepState.LIVE, StepState.BAKING, SyncState.RUNNING), _BUSY),
    **dict.fromkeys((StepState.ROLLING_BACK, StepState.ROLLED_BACK), _BACK),
    StepState.SKIPPED: _PAUSE,
    SyncState.SUCCEEDED: _GOOD,
    SyncState.INCOMPLETE: _WAIT,
    SyncState.STOPPED: _PAUSE,
    WriteOutcome.DONE: _GOOD,
    WriteOutcome.LOST: _UNKNOWN,
    ActionOutcome.REFUSED: _STOP,
    ActionOutcome.INTERRUPTED: _PAUSE,
    LiveResult.DELIVERED: _GOOD,
    LiveResult.RESTORED: _BACK,
    LiveResult.ADOPTED: _GOOD,
    LiveResult.HAND_MADE: _DIFFERS,
    LiveResult.REMOVED: _GAP,
    LiveResult.NOTHING: _GAP,
    **dict.fromkeys(("uploading", "asked", "carrying out"), _BUSY),
    **dict.fromkeys(("waiting", "undecided", "no data"), _WAIT),
    **dict.fromkeys(("paused", "parked", "suspended", "not heard from"), _PAUSE),
    **dict.fromkeys(("passed", "pass", "success", "complete"), _GOOD),
    **dict.fromkeys(("fail", "failure", "error"), _BAD),
    **dict.fromkeys(("refused", "blocked"), _STOP),
}


def look(word: str) -> Badge:
    """How a status looks; one that is not known looks like `Unknown`, never like a good one."""
    return _LOOKS.get(word, _UNKNOWN)


def iso(moment: datetime) -> str:
    """For programs: ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_moment(moment: datetime) -> str:
    """`2026-11-24 14:05:09`, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def shown_span(passed: timedelta) -> str:
    """As `span`; nothing is less than no time."""
    return span(max(passed.total_seconds(), 0.0))


def short(text: str) -> str:
    """The beginning of a commit or digest."""
    kind, colon, rest = text.rpartition(":")
    return f"{kind}{colon}{rest[:_DIGEST_SHOWN]}"


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a bar, from 0 to 100."""

    word: str
    count: int
    left: float
    width: float
    tone: str
    shape: str


def shares(counts: Mapping[str, int]) -> list[Share]:
    """The bar of a count by health, the best first; words that are not known come last."""
    order = {each.value: place for place, each in enumerate(Health)}
    found, left = list[Share](), 0.0
    total = sum(counts.values())
    for word, count in sorted(counts.items(), key=lambda item: order.get(item[0], len(order))):
        if count > 0:
            width = count * 100 / total
            found.append(Share(word, count, round(left, 3), round(width, 3), look(word).tone, look(word).shape))
            left += width
    return found


def counts(by_state: Mapping[str, int]) -> str:
    """`3 recorded, 1 failed`; a dash for nothing."""
    return ", ".join(f"{count} {state}" for state, count in by_state.items()) or "–"


def figures(found: Mapping[str, object]) -> list[tuple[str, str]]:
    """Names and values as text, in their order."""
    return [(str(name), _figure(value)) for name, value in found.items() if value is not None]


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_FIGURE else f"{text[: _LONGEST_FIGURE - 1]}…"
