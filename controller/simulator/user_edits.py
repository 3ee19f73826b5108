"""Edits by people in Architect, unknown to the controller: the drift that it must detect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from controller.domain.errors import FlowFileInvalid
from controller.simulator import locking, publishing
from controller.simulator.actor import Actor
from controller.simulator.content import empty, read
from controller.simulator.flow import SimulatedFlow
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, bad_request, conflict


@dataclass(frozen=True, slots=True)
class UserEdit:
    """One edit of one flow by a person."""

    flow: SimulatedFlow
    person: Actor
    text: str | None = None
    """New content; None for the current content."""
    version: str | None = None
    """An existing version to publish, in place of new content."""


def person(organization: SimulatedOrganization, name: str) -> Actor:
    """A user of the organisation; one name always gives the same id."""
    return Actor(organization.identifier("user", name), name, person=True)


def publish(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    """Publish an existing version, or a new one with the given or the latest content, at once."""
    if edit.version:
        version = organization.version(edit.flow, edit.version)
    else:
        version = organization.add_version(edit.flow, _content(edit), edit.person, now)
    publishing.go_live(organization, edit.flow, version, edit.person, now)


def check_in(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    """Check in a new version without publishing it."""
    organization.add_version(edit.flow, _content(edit), edit.person, now)


def archive(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:  # noqa: ARG001 - as all deeds are
    """Archive a version. Raises 409 for the live one."""
    version = organization.version(edit.flow, edit.version or "latest")
    if edit.flow.published is version:
        raise conflict(f"Version '{version.id}' of flow '{edit.flow.name}' is live.", entity=edit.flow.entity)
    version.archived = True
    organization.changed(edit.flow)


def lock(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    locking.check_out(organization, edit.flow, edit.person, now)


def draft(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    locking.save(organization, edit.flow, _content(edit), edit.person, now)


def unlock(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    locking.unlock(organization, edit.flow, edit.person, now)


def unpublish(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    publishing.deactivate(organization, edit.flow, edit.person, now)


def delete(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    organization.remove(edit.flow, edit.person, now)


EDITS: Mapping[str, Callable[[SimulatedOrganization, UserEdit, datetime], None]] = MappingProxyType(
    {
        "publish": publish,
        "checkin": check_in,
        "version": check_in,
        "archive": archive,
        "lock": lock,
        "draft": draft,
        "unlock": unlock,
        "unpublish": unpublish,
        "delete": delete,
    }
)


def _content(edit: UserEdit) -> str:
    if edit.text is None:
        return edit.flow.latest.text if edit.flow.latest else empty(edit.flow.key)
    try:
        read(edit.text)
    except FlowFileInvalid as error:
        raise no_flow_file(error) from error
    return edit.text


def no_flow_file(error: FlowFileInvalid) -> ApiError:
    """The error for a text that is not a flow file."""
    return bad_request(f"The text is no flow file: line {error.line}, column {error.column}: {error.message}")
