"""Which versions of common modules and bots an execution really ran, and which of them were stale.

A caller keeps the version of the moment it was published. A call that ran an older version than the one that was live
then proves that the caller was not republished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.diagnosis.model import Trace
from controller.domain.identity import version_rank


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of another flow, with the version that ran."""

    step_index: int
    step_name: str
    kind: str
    """What the event calls it: `commonModule`, `botFlow`."""
    flow_id: str | None
    flow_name: str | None
    version: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class LiveModule:
    """The version of a module that is live."""

    version: str
    since: datetime | None = None
    """When it was published; executions before that could not have run it."""


@dataclass(frozen=True, slots=True)
class StaleCall:
    """The proof: `caller` ran `call.version` of a module although `live.version` was published before."""

    call: ModuleCall
    live: LiveModule
    caller: str

    def __str__(self) -> str:
        module = self.call.flow_name or self.call.flow_id
        return (
            f"{self.caller} ran {module} {self.call.version} at step {self.call.step_index}, "
            f"but {self.live.version} is live: republish {self.caller}"
        )


def module_calls(trace: Trace) -> Iterator[ModuleCall]:
    """Every call whose event tells the version that it ran (`inputData.<kind>.flowVersion`)."""
    for step in trace.steps:
        inputs = step.detail.get("inputData")
        for kind, callee in inputs.items() if isinstance(inputs, Mapping) else ():
            if isinstance(callee, Mapping) and callee.get("flowVersion") is not None:
                yield ModuleCall(
                    step_index=step.index,
                    step_name=step.name,
                    kind=str(kind),
                    flow_id=_text(callee.get("flowId")),
                    flow_name=_text(callee.get("flowName")),
                    version=str(callee["flowVersion"]),
                    at=step.start or trace.header.started_at,
                )


def stale_calls(trace: Trace, live: Mapping[str, LiveModule]) -> tuple[StaleCall, ...]:
    """The calls that ran an older version than the live one, by module id. A `debug` version is nobody's mistake."""
    caller = trace.header.flow_name or trace.header.flow_id or trace.header.id
    return tuple(_stale(module_calls(trace), live, caller))


def _stale(calls: Iterable[ModuleCall], live: Mapping[str, LiveModule], caller: str) -> Iterator[StaleCall]:
    for call in calls:
        module = live.get(call.flow_id or "")
        if module is None or not call.version[:1].isdecimal():
            continue
        too_early = module.since is not None and call.at is not None and call.at < module.since
        if not too_early and version_rank(call.version) < version_rank(module.version):
            yield StaleCall(call, module, caller)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
