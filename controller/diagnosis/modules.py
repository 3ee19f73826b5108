"""Finds the versions of common modules and bots that an execution ran, and which of them were stale.

A caller keeps calling the version that was live when the caller was published. A call of an older version than the live
one proves that the caller was not republished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.diagnosis.model import TraceHeader, TraceStep
from controller.diagnosis.variables import text_of
from controller.domain.identity import version_rank


@dataclass(frozen=True, slots=True)
class Caller:
    """The flow or module that contains the calling step."""

    flow_id: str | None
    name: str
    version: str | None


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of another flow, with the version that ran."""

    step_index: int
    kind: str
    """The key of the callee in the event: `commonModule`, `botFlow`."""
    flow_id: str | None
    flow_name: str | None
    version: str
    at: datetime | None
    caller: Caller


@dataclass(frozen=True, slots=True)
class LiveModule:
    """The live version of a flow."""

    version: str
    since: datetime | None = None
    """Publish time. Executions before it could not have run this version."""


@dataclass(frozen=True, slots=True)
class StaleCall:
    """Proof of staleness: `caller` ran `call.version` of a module although `live.version` was published before."""

    call: ModuleCall
    live: LiveModule

    @property
    def caller(self) -> str:
        return self.call.caller.name

    @property
    def module(self) -> str:
        return self.call.flow_name or self.call.flow_id or "a module"

    def __str__(self) -> str:
        return (
            f"{self.caller} ran {self.module} {self.call.version} at step {self.call.step_index}, "
            f"but {self.live.version} is live: republish {self.caller}"
        )


@dataclass(frozen=True, slots=True, order=True)
class StaleCaller:
    """A flow or module that must be republished to call the live version of a module."""

    caller: str
    module: str
    version: str
    """The version of the module that ran."""
    live_version: str

    def __str__(self) -> str:
        return (
            f"{self.caller} ran {self.module} {self.version}, but {self.live_version} is live: republish {self.caller}"
        )


class CallTracker:
    """Reads the steps of one trace in order and tracks the caller of each call."""

    def __init__(self, header: TraceHeader) -> None:
        self._flow = Caller(header.flow_id, header.flow_name or header.flow_id or header.id, header.flow_version)
        self._started_at = header.started_at
        self._open: list[tuple[int, Caller]] = []

    def calls(self, step: TraceStep) -> tuple[ModuleCall, ...]:
        """The calls of this step with the version that ran (`inputData.<kind>.flowVersion`)."""
        while self._open and self._open[-1][0] >= step.depth:
            self._open.pop()
        caller = self._open[-1][1] if self._open else self._flow
        inputs = step.detail.get("inputData")
        found = tuple(
            ModuleCall(
                step_index=step.index,
                kind=str(kind),
                flow_id=text_of(callee.get("flowId")),
                flow_name=text_of(callee.get("flowName")),
                version=str(callee["flowVersion"]),
                at=step.start or self._started_at,
                caller=caller,
            )
            for kind, callee in (inputs.items() if isinstance(inputs, Mapping) else ())
            if isinstance(callee, Mapping) and callee.get("flowVersion") is not None
        )
        for call in found[:1]:
            self._open.append((step.depth, Caller(call.flow_id, call.flow_name or call.flow_id or "", call.version)))
        return found


def stale_among(calls: Iterable[ModuleCall], live: Mapping[str, LiveModule]) -> Iterator[StaleCall]:
    """The calls among these that ran an older version than the live one.

    Skips calls of a `debug` version, and calls by a caller that was republished since.
    """
    for call in calls:
        module = live.get(call.flow_id or "")
        if module is None or not call.version[:1].isdecimal() or not _is_live(call.caller, live):
            continue
        too_early = module.since is not None and call.at is not None and call.at < module.since
        if not too_early and version_rank(call.version) < version_rank(module.version):
            yield StaleCall(call, module)


def _is_live(caller: Caller, live: Mapping[str, LiveModule]) -> bool:
    """Whether the calling version is the live one; True when either version is unknown."""
    known = live.get(caller.flow_id or "")
    return known is None or caller.version in (None, known.version)
