"""A simulated organisation with its environment: clock, tokens, limits, call counts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from controller.domain.clock import Clock, SystemClock
from controller.domain.errors import SettingsInvalid
from controller.domain.identity import FlowKey
from controller.simulator.calls import Calls
from controller.simulator.fault_file import read_faults
from controller.simulator.faults import Fault, Faults
from controller.simulator.flow import SimulatedFlow
from controller.simulator.loading import LoadReport, load_folder
from controller.simulator.notifications import SimulatedNotifications
from controller.simulator.oauth import Tokens
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.publishing import PUBLISH, finish_publish
from controller.simulator.ratelimit import RateLimit
from controller.simulator.settings import PENSTOCK, SimulatedClient, SimulatorSettings
from controller.simulator.staging import ROLLOUT, advance
from controller.simulator.state import SimulatedState
from controller.simulator.time import MovableClock
from controller.simulator.uploads import UPLOAD, finish_upload

_STATE = TypeAdapter(SimulatedState)


def frozen(state: SimulatedState) -> bytes:
    """A snapshot of the state as bytes; `thawed` restores it."""
    return _STATE.dump_json(state)


def thawed(saved: bytes) -> SimulatedState:
    return _STATE.validate_json(saved)


@dataclass(frozen=True, slots=True)
class StateFile:
    path: Path

    def load(self) -> SimulatedState:
        """The saved state; empty if there is no file.

        Raises `SettingsInvalid` for a file that is not a state file or cannot be read, and for a folder that cannot be
        written to.
        """
        if not os.access(self.path.parent, os.W_OK):
            raise SettingsInvalid(
                f"the state cannot be kept in {self.path}: its folder is not there, or cannot be written to",
                hint="make the folder, or name another file",
            )
        if not self.path.exists():
            return SimulatedState()
        try:
            return _STATE.validate_json(self.path.read_bytes())
        except ValidationError as error:
            raise SettingsInvalid(
                f"{self.path} is not a state file of the simulator", hint="delete it, or name another file"
            ) from error
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
            raise SettingsInvalid(
                f"the state file {self.path} cannot be read: {why}", hint="name a file that can be read and replaced"
            ) from error

    def save(self, state: SimulatedState) -> None:
        """Replace the file atomically: a reader sees the old state or the new one."""
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name, suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_STATE.dump_json(state))
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


EFFECTS: Mapping[str, Callable[[SimulatedOrganization, str, datetime], None]] = MappingProxyType(
    {PUBLISH: finish_publish, UPLOAD: finish_upload, ROLLOUT: advance}
)


def settle(organization: SimulatedOrganization, now: datetime) -> bool:
    """Carry out all effects that are due, each at its own time. Returns whether there were any."""
    moved = False
    while organization.state.due and organization.state.due[0].at <= now:
        due = organization.state.due.pop(0)
        EFFECTS[due.effect](organization, due.subject, due.at)
        moved = True
    return moved


@dataclass(frozen=True, slots=True)
class _Beginning:
    """A snapshot from the start of serving."""

    state: bytes
    settings: SimulatorSettings
    clients: dict[str, SimulatedClient]
    faults: tuple[Fault, ...]


class Simulator:
    """The state that `create_app` serves."""

    def __init__(
        self,
        clock: Clock | None = None,
        settings: SimulatorSettings | None = None,
        *,
        state_file: Path | None = None,
    ) -> None:
        self.clock = MovableClock(clock or SystemClock())
        self.settings = settings or SimulatorSettings()
        self.organization = SimulatedOrganization(self.settings)
        self.clients = {client.id: client for client in (PENSTOCK, *self.settings.clients)}
        self.faults = Faults()
        self.tokens = Tokens()
        self.limit, self.token_limit = _limits(self.settings)
        self.calls = Calls()
        self.notifications = SimulatedNotifications()
        self._beginning: _Beginning | None = None
        self.state_file = StateFile(state_file) if state_file else None
        if self.state_file:
            self.organization.state = self.state_file.load()

    def settle(self) -> datetime:
        """Carry out all effects that are due, and return the current time."""
        now = self.clock.now()
        settle(self.organization, now)
        return now

    def load_folder(self, folder: Path) -> LoadReport:
        """See `loading.load_folder`."""
        report = load_folder(self.organization, folder, self.settle())
        self.save()
        return report

    def flow(self, flow_type: str, name: str) -> SimulatedFlow:
        """The flow with this type and name. Raises KeyError when there is none."""
        self.settle()
        found = self.organization.find(FlowKey(flow_type, name))
        if found is None:
            raise KeyError(f"{flow_type}/{name}")
        return found

    def client(self, client_id: str) -> SimulatedClient | None:
        """An OAuth client of the organisation."""
        return self.clients.get(client_id)

    def set_faults(self, *faults: Fault) -> None:
        """Set faults; a fault replaces an earlier one with its name. Raises `SettingsInvalid` for an unserved route."""
        self.faults.set(faults, self.clock.now())

    def load_faults(self, path: Path) -> None:
        """Set the faults of a YAML or JSON file. Raises `SettingsInvalid`."""
        self.set_faults(*read_faults(path))

    def configure(self, settings: SimulatorSettings) -> None:
        """Change the settings from now on. Running operations are not affected."""
        self.settings = self.organization.settings = settings
        self.limit.per_minute = settings.rate_limit_per_minute
        self.token_limit.per_minute = settings.token_requests_per_minute

    def begin(self) -> _Beginning:
        """Keep the present state for `reset`, unless it was kept before."""
        if self._beginning is None:
            state = frozen(self.organization.state)
            self._beginning = _Beginning(state, self.settings, dict(self.clients), self.faults.all())
        return self._beginning

    def reset(self) -> None:
        """Restore flows, executions, settings, clients and faults from the snapshot.

        Counts, log and limits restart and channels close. The time is not moved back, and tokens stay valid.
        """
        beginning = self.begin()
        self.organization.state = thawed(beginning.state)
        self.configure(beginning.settings)
        self.clients = dict(beginning.clients)
        self.faults.clear()
        self.set_faults(*beginning.faults)
        self.calls.clear()
        self.notifications.close()
        self.limit, self.token_limit = _limits(beginning.settings)

    def save(self) -> None:
        """Write the state file, if there is one."""
        if self.state_file:
            self.state_file.save(self.organization.state)


def _limits(settings: SimulatorSettings) -> tuple[RateLimit, RateLimit]:
    """The rate limits for tokens and for the token endpoint."""
    return RateLimit(settings.rate_limit_per_minute), RateLimit(settings.token_requests_per_minute)
