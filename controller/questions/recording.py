"""Shows the settings of recorded execution data, and changes them at a person's request. No pass changes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.process import SettingsInvalid
from controller.domain.execution_ports import ExecutionRecording
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.recording import LEVELS, LogLevel
from controller.flows.suggestion import did_you_mean
from controller.reconcile.flow_choice import live_flow
from controller.reconcile.services import Services
from controller.store.audit import AuditEntry

T = TypeVar("T")

DEFAULT = "default"
"""Replaces a level: removes the flow's own level."""


@dataclass(frozen=True, slots=True)
class RecordingRequest:
    """The requested changes; none if only `flow` is given or nothing at all."""

    flow: str | None = None
    """Name as a person gives it; None for the level of all flows without one of their own."""
    level: str | None = None
    execution_data: bool | None = None


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """The settings after the change."""

    execution_data: bool
    default: LogLevel
    own: Mapping[FlowKey, LogLevel]
    """Levels of flows with one of their own, or the effective level of the requested flow."""
    changed: tuple[str, ...] = ()
    """Messages about the changes."""


async def recording_settings(
    services: Services, organization: Organization, request: RecordingRequest, *, by: str
) -> RecordingSettings:
    """Show the settings after making the requested changes; the audit log attributes each change to `by`.

    Raises CapabilityMissing, and SettingsInvalid, before anything is changed; PermissionMissing with the permission's
    name.
    """
    platform = services.platform(organization)
    if platform.recording is None:
        raise CapabilityMissing(
            f"{organization.name}: the {platform.dialect} dialect has no settings of execution data",
            hint="see which traces there are with `penstock trace executions`",
        )
    level = _level(request)
    settings = _Settings(services, organization, platform.recording, by)
    # The flow is looked for first: a word that names none changes nothing at all.
    flow = await live_flow(platform, organization.flows, request.flow) if request.flow is not None else None
    if request.execution_data is not None:
        await settings.switch(on=request.execution_data)
    if level is not None:
        await (settings.set_default(level) if flow is None else settings.set_level(flow, level))
    return await settings.shown(flow)


def _level(request: RecordingRequest) -> str | None:
    """The level as the organisation spells it. Raises SettingsInvalid."""
    if request.level is None:
        return None
    names = LEVELS if request.flow is None else (*LEVELS, DEFAULT)
    found = next((name for name in names if name.lower() == request.level.lower()), None)
    if found is None:
        hint = did_you_mean(request.level, names) or f"choose one of {', '.join(names)}"
        raise SettingsInvalid(f"--level {request.level!r} is no log level", hint=hint)
    return found


class _Settings:
    """The settings of one organisation, with every change audited."""

    def __init__(self, services: Services, organization: Organization, recording: ExecutionRecording, by: str) -> None:
        self._services = services
        self._organization = organization
        self._recording = recording
        self._by = by
        self._changed: list[str] = []

    async def switch(self, *, on: bool) -> None:
        stands = await self._audited(
            "execution-data", None, "on" if on else "off", lambda: self._recording.switch(on=on)
        )
        self._changed.append(f"execution data is {'on' if stands else 'off'}")

    async def set_default(self, level: str) -> None:
        stands = await self._audited("log-level", None, level, lambda: self._recording.set_default(level))
        self._changed.append(f"the log level is {stands.level} by default")

    async def set_level(self, flow: LiveFlow, level: str) -> None:
        if level == DEFAULT:
            await self._audited("log-level", flow.key, level, lambda: self._recording.drop(flow.id))
            self._changed.append(f"{flow.key} has no log level of its own")
            return
        stands = await self._audited("log-level", flow.key, level, lambda: self._recording.set_level(flow.id, level))
        self._changed.append(f"the log level of {flow.key} is {stands.level}")

    async def shown(self, flow: LiveFlow | None) -> RecordingSettings:
        enabled, default = await self._recording.enabled(), await self._recording.default_level()
        own = (
            await self._recording.levels_by_key()
            if flow is None
            else {flow.key: await self._recording.flow_level(flow.id)}
        )
        return RecordingSettings(enabled, default, own, tuple(self._changed))

    async def _audited(self, action: str, flow: FlowKey | None, value: str, write: Callable[[], Awaitable[T]]) -> T:
        try:
            stands = await write()
        except PenstockError as error:
            self._note(action, "failure", flow, {"to": value, "code": error.code})
            raise
        self._note(action, "success", flow, {"to": value})
        return stands

    def _note(self, action: str, status: str, flow: FlowKey | None, details: Mapping[str, object]) -> None:
        named = None if flow is None else str(flow)
        entry = AuditEntry(self._organization.name, action, status, self._by, flow=named, details=details)
        self._services.store.audit.append(entry)
