"""What people do to flows in Architect, behind the controller's back: the drift that it must see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from controller.domain.errors import FlowFileInvalid
from controller.simulator import locking, publishing
from controller.simulator.actor import Actor
from controller.simulator.content import empty, read
from controller.simulator.flow import Flow
from controller.simulator.organization import Organization
from controller.simulator.problem import ApiError, bad_request, conflict


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a person does to one flow."""

    flow: Flow
    person: Actor
    text: str | None = None
    """New content; None keeps what is there."""
    version: str | None = None
    """An existing version to publish instead of new content."""


def person(organization: Organization, name: str) -> Actor:
    """A user of the organisation, with the same id whenever the name is the same."""
    return Actor(organization.identifier("user", name), name, person=True)


def publish(organization: Organization, deed: Deed, now: datetime) -> None:
    """Publish an existing version, or a new one with the given or the latest content. It takes no time."""
    if deed.version:
        version = organization.version(deed.flow, deed.version)
    else:
        version = organization.add_version(deed.flow, _content(deed), deed.person, now)
    publishing.go_live(organization, deed.flow, version, deed.person, now)


def check_in(organization: Organization, deed: Deed, now: datetime) -> None:
    """A new version that is not published."""
    organization.add_version(deed.flow, _content(deed), deed.person, now)


def archive(organization: Organization, deed: Deed, now: datetime) -> None:  # noqa: ARG001 - as all deeds are
    """Put a version away that is not live. Raises 409 for the live one."""
    version = organization.version(deed.flow, deed.version or "latest")
    if deed.flow.published is version:
        raise conflict(f"Version '{version.id}' of flow '{deed.flow.name}' is live.", entity=deed.flow.entity)
    version.archived = True
    organization.changed(deed.flow)


def lock(organization: Organization, deed: Deed, now: datetime) -> None:
    locking.check_out(organization, deed.flow, deed.person, now)


def draft(organization: Organization, deed: Deed, now: datetime) -> None:
    locking.save(organization, deed.flow, _content(deed), deed.person, now)


def unlock(organization: Organization, deed: Deed, now: datetime) -> None:
    locking.unlock(organization, deed.flow, deed.person, now)


def unpublish(organization: Organization, deed: Deed, now: datetime) -> None:
    publishing.deactivate(organization, deed.flow, deed.person, now)


def delete(organization: Organization, deed: Deed, now: datetime) -> None:
    organization.remove(deed.flow, deed.person, now)


DEEDS: Mapping[str, Callable[[Organization, Deed, datetime], None]] = MappingProxyType(
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


def _content(deed: Deed) -> str:
    if deed.text is None:
        return deed.flow.latest.text if deed.flow.latest else empty(deed.flow.key)
    try:
        read(deed.text)
    except FlowFileInvalid as error:
        raise no_flow_file(error) from error
    return deed.text


def no_flow_file(error: FlowFileInvalid) -> ApiError:
    """The answer to a text that is none."""
    return bad_request(f"The text is no flow file: line {error.line}, column {error.column}: {error.message}")
