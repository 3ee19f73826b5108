"""The organisation: its flows and jobs, found by id, type and name. Knows no dialect, no HTTP and no clock.

Every change takes the time as an argument. `locking`, `publishing` and `uploads` hold the operations on flows. Their
delayed effects happen when `settling` finds them due.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from controller.domain.identity import FlowKey
from controller.flows.checks import name_mistake
from controller.simulator.execution import Execution
from controller.simulator.flow import Action, Actor, Happening, SimulatedFlow, SimulatedOperation, Version
from controller.simulator.problem import ApiError, bad_request, conflict, not_found
from controller.simulator.resources.resource import SimulatedResource
from controller.simulator.settings import SimulatorSettings
from controller.simulator.state import Due, JobItem, JobKind, SimulatedJob, SimulatedState

_NAMESPACE = uuid.UUID("6a0f2f0e-6f0c-4c2c-9d5e-0b7f0c5b9a11")


def stable_id(organization: str, *parts: str) -> str:
    """An id that is the same for the same parts in the organisation of that name."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join((organization, *parts))))


@dataclass
class SimulatedOrganization:
    settings: SimulatorSettings
    state: SimulatedState = field(default_factory=SimulatedState)
    listeners: list[Callable[[SimulatedFlow], None]] = field(default_factory=list)
    """Called after every change of a flow."""
    watchers: list[Callable[[Execution], None]] = field(default_factory=list)
    """Called for every launched or added execution."""
    resource_listeners: list[Callable[[SimulatedResource], None]] = field(default_factory=list)
    """Called after a client made or changed a resource."""

    @property
    def id(self) -> str:
        return self.identifier("organization")

    @property
    def division_id(self) -> str:
        return self.identifier("division")

    def identifier(self, *parts: str) -> str:
        """An id that is the same for the same events in the same organisation."""
        return stable_id(self.settings.organization, *parts)

    def next_id(self, kind: str) -> str:
        self.state.serial += 1
        return self.identifier(kind, str(self.state.serial))

    # --- Finding ------------------------------------------------------------------------------------------------

    def flows(self, *, deleted: bool = False) -> Iterator[SimulatedFlow]:
        """All flows, with the deleted ones on demand."""
        return (flow for flow in self.state.flows.values() if deleted or not flow.deleted)

    def flow(self, flow_id: str) -> SimulatedFlow:
        """The flow with this id. Raises 404 for an unknown id, 410 for a deleted flow."""
        found = self.state.flows.get(flow_id)
        if found is None:
            raise not_found("Could not find flow with specified ID.", code="architect.flow.not.found")
        if found.deleted:
            raise ApiError(410, "architect.flow.deleted", "Flow has been deleted.", entity=found.entity)
        return found

    def find(self, key: FlowKey) -> SimulatedFlow | None:
        """The flow with this type and name."""
        flow_id = self.state.names.get(str(key))
        return self.state.flows[flow_id] if flow_id else None

    def version(self, flow: SimulatedFlow, version: str) -> Version:
        """The version of a flow. Raises 404 if it does not exist."""
        found = flow.version(version)
        if found is None:
            raise not_found(f"Flow '{flow.name}' version '{version}' is missing.", code="not.found")
        return found

    def job(self, job_id: str, kind: JobKind) -> SimulatedJob:
        found = self.state.jobs.get(job_id)
        if found is None or found.kind is not kind:
            raise not_found("Could not find job with specified ID.")
        return found

    def begin_job(
        self, kind: JobKind, actor: Actor, now: datetime, duration_s: float, items: Sequence[JobItem] = ()
    ) -> SimulatedJob:
        """Start a job that takes so many seconds, before `time_scale`, and whose downloads have a signature."""
        ends_at = now + timedelta(seconds=self.settings.duration_s(duration_s))
        job = SimulatedJob(
            self.next_id("job"), kind, actor, now, secrets.token_hex(32), now, ends_at, items=list(items)
        )
        self.state.jobs[job.id] = job
        return job

    # --- Changing -----------------------------------------------------------------------------------------------

    def create(
        self, key: FlowKey, actor: Actor, now: datetime, *, description: str = "", division: str = ""
    ) -> SimulatedFlow:
        """Create a flow without a version. Raises 400 for an invalid name, 409 when type and name are taken."""
        _refuse_name(key)
        if self.find(key):
            raise conflict(f"A flow of type '{key.type}' with name '{key.name}' already exists.")
        incarnations = (self.identifier("flow", str(key), str(number)) for number in count())
        flow_id = next(one for one in incarnations if one not in self.state.flows)
        flow = SimulatedFlow(flow_id, key.type, key.name, now, description, division or "Home")
        self.state.flows[flow.id] = flow
        self.state.names[str(key)] = flow.id
        self.record(flow, Action.CREATE, actor, now)
        return flow

    def rename(self, flow: SimulatedFlow, name: str) -> None:
        """Rename a flow. Raises 400 for an invalid name, 409 when it is taken."""
        key = FlowKey(flow.type, name)
        if key == flow.key:
            return
        _refuse_name(key)
        if self.find(key):
            raise conflict(f"A flow of type '{flow.type}' with name '{name}' already exists.", entity=flow.entity)
        del self.state.names[str(flow.key)]
        flow.name = name
        self.state.names[str(key)] = flow.id

    def remove(self, flow: SimulatedFlow, actor: Actor, now: datetime) -> None:
        """Mark a flow as deleted: it answers 410 from now on, and its name is free."""
        flow.deleted = True
        flow.lock = flow.draft = None
        self.state.names.pop(str(flow.key), None)
        self.record(flow, Action.DELETE, actor, now)

    def add_version(self, flow: SimulatedFlow, text: str, actor: Actor, now: datetime) -> Version:
        """Add the next version of a flow, checked in but not published."""
        version = Version(len(flow.versions) + 1, text, now, actor)
        flow.versions.append(version)
        self.record(flow, Action.CHECKIN, actor, now, version.id)
        return version

    def operation(self, flow: SimulatedFlow, action: Action, actor: Actor, now: datetime) -> SimulatedOperation:
        """Begin an operation, which the flow shows as its current one."""
        flow.operation = SimulatedOperation(self.next_id("operation"), action, actor, now)
        return flow.operation

    def record(
        self, flow: SimulatedFlow, action: Action, actor: Actor, now: datetime, version: str | None = None
    ) -> None:
        """Add an entry to the flow's history and notify the listeners."""
        flow.history.append(Happening(action, now, actor, version))
        self.changed(flow)

    def changed(self, flow: SimulatedFlow) -> None:
        for listener in self.listeners:
            listener(flow)

    def altered(self, resource: SimulatedResource) -> None:
        for listener in self.resource_listeners:
            listener(resource)

    def finished(self, execution: Execution) -> None:
        """Notify the watchers of executions. The execution may end later."""
        for watcher in self.watchers:
            watcher(execution)

    def schedule(self, at: datetime, effect: str, subject: str) -> None:
        """Schedule an effect, which `settling.settle` carries out."""
        self.state.serial += 1
        self.state.due.append(Due(at, self.state.serial, effect, subject))
        self.state.due.sort()


def _refuse_name(key: FlowKey) -> None:
    mistake = name_mistake(key.type, key.name)
    if mistake is not None:
        raise bad_request(f"{mistake[0][:1].upper()}{mistake[0][1:]}.")
