"""The record of each write and each refused write: who, how, from where, what, why, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from controller.domain.errors.branches import Invalid, PenstockError, Refused, Waiting
from controller.domain.errors.process import StoreFailed
from controller.service.access.person import Person, Role
from controller.store.audit import AuditEntry, AuditLog
from controller.store.audit_chain import REQUEST

log = structlog.get_logger()

SERVICE: Final = "(service)"
"""The organisation of entries that belong to none; no manifest can have this name."""
_UNKNOWN: Final = "unknown"
_LONGEST_NAME: Final = 255
_LONGEST_TEXT: Final = 2000
"""Characters of a text of the request that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedWrite:
    """What a person asks for."""

    verb: str
    """Such as `approve` or `suspend`."""
    organization: str
    flow: str | None = None
    """`type/name`."""
    reason: str | None = None
    """Why, in the person's words."""
    details: Mapping[str, object] = field(default_factory=dict)
    """What else the request said, such as the digest of the plan."""


class WriteLog:
    """Appends to the audit log."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def succeeded(self, write: RequestedWrite, person: Person, address: str) -> None:
        """Keep that a write was carried out. Raises StoreFailed."""
        self._audit.append(_entry(write, person, address, "success"))

    def refused(self, write: RequestedWrite, person: Person | None, address: str, error: PenstockError) -> None:
        """Keep that a write was not carried out, and why; a store that fails is only logged.

        An organisation that the person may not see, or that has no entry yet, may not exist: its name is then a
        detail, because anyone could otherwise begin any number of chains.
        """
        status = "refused" if isinstance(error, Refused | Invalid | Waiting) else "failure"
        entry = _entry(write, person, address, status, error)
        try:
            if person is None or not person.may(Role.READ, write.organization) or not self._is_known(write):
                entry = _of_the_service(entry)
            self._audit.append(entry)
        except StoreFailed as failed:
            log.error("audit.lost", action=write.verb, organization=write.organization, error=failed.message)  # noqa: TRY400

    def _is_known(self, write: RequestedWrite) -> bool:
        name = write.organization
        return name == _shown(name) and len(name) <= _LONGEST_NAME and self._audit.head(name).position > 0


def _entry(
    write: RequestedWrite, person: Person | None, address: str, status: str, error: PenstockError | None = None
) -> AuditEntry:
    given: dict[str, object | None] = {
        **write.details,
        "verb": write.verb,
        "reason": write.reason,
        "address": address,
        "how": None if person is None else str(person.how),
        "subject": None if person is None else person.subject,
        "code": None if error is None else error.code,
    }
    return AuditEntry(
        organization=write.organization,
        action=REQUEST,
        status=status,
        actor=_UNKNOWN if person is None else person.name,
        flow=write.flow,
        error=None if error is None else error.message,
        details={name: _shown(value) for name, value in given.items() if value is not None},
    )


def _of_the_service(entry: AuditEntry) -> AuditEntry:
    if entry.organization == SERVICE:
        return entry
    details = {**entry.details, "organization": _shown(entry.organization[:_LONGEST_NAME]), "flow": entry.flow}
    return replace(entry, organization=SERVICE, flow=None, details=details)


def _shown(value: object) -> object:
    """A text of the request without characters that no database or terminal takes, and not too long."""
    if not isinstance(value, str):
        return value
    return "".join(each for each in value if each.isprintable() or each == "\n")[:_LONGEST_TEXT]
