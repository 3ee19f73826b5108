"""The status of organisations as a controller tells it, in the shape of a status that a command finds itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from controller.cli.remote import ControllerClient, Query
from controller.cli.remote_actions import segment
from controller.domain.documents import filled
from controller.domain.errors.api import UnknownResource
from controller.domain.identity import FlowKey
from controller.domain.status import SyncStatus
from controller.planning.model import Drift, HeldBack
from controller.questions.live_document import FlowsDocument, OrganizationsDocument, OrganizationStateDocument
from controller.questions.status import FlowStatus, OrganizationStatus

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class RemoteStatus:
    """One organisation."""

    status: OrganizationStatus
    state: OrganizationStateDocument

    @property
    def looked(self) -> bool:
        """Whether the controller's last pass saw the organisation."""
        return _has_looked(self.state)

    @property
    def drift(self) -> tuple[Drift, ...]:
        """Its drift, for people."""
        keys = {each.flow: FlowKey(each.type, each.name) for each in self.status.flows}
        return tuple(
            Drift(each.flow, keys.get(each.flow) or _key(each.flow), "version", None, each.version, each.message)
            for each in self.state.drift
        )


def remote_statuses(remote: ControllerClient, names: Sequence[str] | None) -> list[RemoteStatus]:
    """The organisations of these names, or all that the token may see. Raises UnknownResource for any other name."""
    there = {each.name: each for each in remote.get("/organizations", OrganizationsDocument).organizations}
    unknown = sorted(set(names or ()) - there.keys())
    if unknown:
        known = ", ".join(there) or "none"
        raise UnknownResource(f"{remote.origin} has no organisation {', '.join(unknown)}", hint=f"there is: {known}")
    if not there:
        raise UnknownResource(f"{remote.origin} has looked at no organisation that this token may see")
    wanted = [there[name] for name in sorted(set(names or there))]
    return [RemoteStatus(_status(each, tuple(_flows(remote, each.name))), each) for each in wanted]


def _flows(remote: ControllerClient, organization: str) -> Iterator[FlowStatus]:
    """All flows in order of name, page by page."""
    offset, total = 0, 1
    while offset < total:
        query: Query = {"sort": "flow", "limit": _PAGE, "offset": offset}
        page = remote.get(f"/organizations/{segment(organization)}/flows", FlowsDocument, query)
        yield from (filled(FlowStatus, each) for each in page.flows)
        if not page.flows:
            return
        offset, total = offset + len(page.flows), page.total


def _status(state: OrganizationStateDocument, flows: tuple[FlowStatus, ...]) -> OrganizationStatus:
    return OrganizationStatus(
        name=state.name,
        revision=state.revision or "",
        sync=state.sync,
        health=state.health,
        flows=flows,
        drift=tuple(each.message for each in state.drift),
        warnings=(*state.warnings, *_more(state)),
        unmanaged=state.unmanaged,
        last_sync=state.last_sync,
        held_back=tuple(filled(HeldBack, each) for each in state.held_back),
        at_work=state.at_work,
    )


def _has_looked(state: OrganizationStateDocument) -> bool:
    """Whether the last pass saw the organisation. A pass that carried its plan out has none that holds now."""
    return state.plan_digest is not None or state.sync is not SyncStatus.UNKNOWN


def _more(state: OrganizationStateDocument) -> Iterator[str]:
    """What a command that looks itself cannot know: the suspension by a person, and how the last pass failed."""
    held = state.suspended
    if held is not None:
        yield f"{held.by} suspended it at {held.at:%Y-%m-%d %H:%M} UTC: {held.reason}; `penstock resume` lifts that"
    if not _has_looked(state):
        yield f"the controller's last pass, at {state.at:%Y-%m-%d %H:%M:%S} UTC, found no plan: {state.message}"


def _key(flow: str) -> FlowKey:
    """The key in the place of a manifest's name: `type/name`."""
    kind, _, name = flow.partition("/")
    return FlowKey(kind, name)
