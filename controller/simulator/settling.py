"""Letting what is due take effect. No task runs in the background: time passes when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from controller.simulator.organization import SimulatedOrganization
from controller.simulator.publishing import PUBLISH, finish_publish
from controller.simulator.staging import ROLLOUT, advance
from controller.simulator.uploads import UPLOAD, finish_upload

EFFECTS: Mapping[str, Callable[[SimulatedOrganization, str, datetime], None]] = MappingProxyType(
    {PUBLISH: finish_publish, UPLOAD: finish_upload, ROLLOUT: advance}
)


def settle(organization: SimulatedOrganization, now: datetime) -> bool:
    """Carry out everything that is due by now, each at its own moment. Whether anything was."""
    moved = False
    while organization.state.due and organization.state.due[0].at <= now:
        due = organization.state.due.pop(0)
        EFFECTS[due.effect](organization, due.subject, due.at)
        moved = True
    return moved
