"""A simulated organisation with its environment: clock, tokens, limits, call counts, and a folder of Archy files."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from controller.domain.clock import Clock, SystemClock
from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import FlowKey
from controller.flows.checks import name_mistake
from controller.flows.substitution import placeholders
from controller.simulator.calls import Calls
from controller.simulator.content import read
from controller.simulator.faults import Fault, Faults, read_faults
from controller.simulator.flow import Actor, SimulatedFlow
from controller.simulator.notifications import SimulatedNotifications
from controller.simulator.oauth import RateLimit, Tokens
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.publishing import PUBLISH, finish_publish, go_live
from controller.simulator.resolution import bindings, problems
from controller.simulator.resources.loading import GivenResources, load, load_from_flows
from controller.simulator.settings import PENSTOCK, SimulatedClient, SimulatorSettings
from controller.simulator.staging import ROLLOUT, advance
from controller.simulator.state import SimulatedState
from controller.simulator.time import MovableClock
from controller.simulator.uploads import UPLOAD, finish_upload

LOADER = Actor("00000000-0000-4000-8000-00000000a11c", "Simulator", person=True)
"""The actor that published the loaded flows."""
_MANIFEST = re.compile(r"^apiVersion:", re.MULTILINE)
_RECORD = "penstock.lock.yaml"


@dataclass(frozen=True, slots=True)
class SkippedFile:
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The result of loading a folder."""

    loaded: tuple[FlowKey, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    warnings: tuple[str, ...] = ()
    """References of loaded flows to missing flows."""


def load_folder(organization: SimulatedOrganization, folder: Path, now: datetime) -> LoadReport:
    """Create a flow from every Archy file below the folder, published at 1.0.

    Files that do not parse, need substitutions, or name an existing flow are skipped and reported. Manifests, hidden
    folders and folders of recorded artifacts are ignored. Raises FileNotFoundError when there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder")
    sources: dict[FlowKey, str] = {}
    skipped: list[SkippedFile] = []
    for path in _sources_below(folder):
        reason = _take(organization, path, sources)
        if reason:
            skipped.append(SkippedFile(path, reason))
    for key, text in sources.items():
        flow = organization.create(key, LOADER, now)
        flow.description, flow.division = read(text).description or "", read(text).division or "Home"
        go_live(organization, flow, organization.add_version(flow, text, LOADER, now), LOADER, now)
    _bind(organization, sources)
    warnings = [
        f"{key}: {problem.message}" for key, text in sources.items() for problem in problems(organization, key, text)
    ]
    return LoadReport(tuple(sources), tuple(skipped), tuple(warnings))


def _sources_below(folder: Path) -> list[Path]:
    files = sorted((*folder.rglob("*.yaml"), *folder.rglob("*.yml")))
    recorded = {file.parent for file in files if file.name == _RECORD} - {folder}
    return [
        file
        for file in files
        if recorded.isdisjoint(file.parents)
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def _take(organization: SimulatedOrganization, path: Path, sources: dict[FlowKey, str]) -> str | None:
    """Why the file is skipped; None if its text was added to the sources or it is a manifest."""
    try:
        text = path.read_text(encoding="utf-8")
        if _MANIFEST.search(text):
            return None
        needed = placeholders(text)
        if needed:
            return f"needs values for its placeholders {', '.join(f'{{{{{name}}}}}' for name in needed)}"
        key = read(text).key
    except (UnicodeDecodeError, OSError) as error:
        return f"cannot be read: {error}"
    except FlowFileInvalid as error:
        return f"line {error.line}, column {error.column}: {error.message}"
    wrong_name = name_mistake(key.type, key.name)
    if wrong_name is not None:
        return wrong_name[0]
    if key in sources or organization.find(key):
        return f"there is already a flow {key}"
    sources[key] = text
    return None


def _bind(organization: SimulatedOrganization, sources: dict[FlowKey, str]) -> None:
    """Bind callers after all callees exist, so that order and cycles do not matter."""
    for key, text in sources.items():
        flow = organization.find(key)
        if flow and flow.published:
            flow.published.bindings = dict(bindings(organization, text))


_STATE = TypeAdapter(SimulatedState)


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
        self, clock: Clock | None = None, settings: SimulatorSettings | None = None, *, state_file: Path | None = None
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

    def load_resources(self, given: GivenResources | None) -> None:
        """Add resources; None for those that the flows name. Of each kind the organisation has no others then."""
        now = self.settle()
        if given is None:
            load_from_flows(self.organization)
        else:
            load(self.organization, given, now)
        self.save()

    def flow(self, flow_type: str, name: str) -> SimulatedFlow:
        """The flow with this type and name. Raises KeyError when there is none."""
        self.settle()
        found = self.organization.find(FlowKey(flow_type, name))
        if found is None:
            raise KeyError(f"{flow_type}/{name}")
        return found

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
            state = _STATE.dump_json(self.organization.state)
            self._beginning = _Beginning(state, self.settings, dict(self.clients), self.faults.all())
        return self._beginning

    def reset(self) -> None:
        """Restore flows, executions, settings, clients and faults from the snapshot.

        Counts, log and limits restart and channels close. The time is not moved back, and tokens stay valid.
        """
        beginning = self.begin()
        self.organization.state = _STATE.validate_json(beginning.state)
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
