"""The state file: the whole organisation as JSON, replaced atomically."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from controller.domain.errors import SettingsInvalid
from controller.simulator.state import SimulatedState

_STATE = TypeAdapter(SimulatedState)


def frozen(state: SimulatedState) -> bytes:
    """The state as bytes that no change of it reaches; `thawed` makes a new one of them."""
    return _STATE.dump_json(state)


def thawed(saved: bytes) -> SimulatedState:
    return _STATE.validate_json(saved)


@dataclass(frozen=True, slots=True)
class StateFile:
    path: Path

    def load(self) -> SimulatedState:
        """The saved state; an empty one where there is no file.

        Raises `SettingsInvalid` when it is no state file or cannot be read, or its folder cannot be written to.
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
        """Replace the file; whoever reads it sees the old state or the new one."""
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name, suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_STATE.dump_json(state))
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
