"""How a version became live: what the record, the journal, drift and the organisation tell about one change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeGuard

from controller.domain.versions import VersionInfo

SKEW = timedelta(minutes=2)
"""How far apart the clocks of the organisation and of the controller may be for one event to count as the same."""


class LiveResult(StrEnum):
    """How a version became live, and whether it stayed."""

    DELIVERED = "delivered"
    ROLLED_BACK = "rolled-back"
    """It was delivered, and the version before it was brought back."""
    RESTORED = "restored"
    """A rollback made it live again."""
    ADOPTED = "adopted"
    """It was live already when the record began or went on with it."""
    HAND_MADE = "hand-made"
    """Published out of band."""
    REMOVED = "removed"
    """A delivery unpublished or deleted the flow."""
    NOTHING = "nothing"
    """No version is known to have been live."""
    UNKNOWN = "unknown"
    """It was live, and no source tells how that came."""


@dataclass(frozen=True, slots=True)
class LiveOrigin:
    """How a version became live, as far as the sources tell."""

    result: LiveResult = LiveResult.UNKNOWN
    by: str | None = None
    by_role: str | None = None
    """What `by` did: `commit author`, `actor`, `publisher` or `version author`."""
    approved_by: str | None = None
    trigger: str | None = None
    change: str | None = None
    """The kind of the change: `publish`, `switch`, ..."""
    reason: str | None = None
    cause: str | None = None
    """Why it was rolled back, or brought back: `failure`, `on-request`, `superseded`."""
    revision: str | None = None
    record: str | None = None
    """The commit of the record."""
    sync: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A version was live at `at`; None for no version."""

    version: str | None
    at: datetime
    origin: LiveOrigin | None = None
    """How it became live; None if the sighting does not tell."""
    not_before: datetime | None = None
    """It became live at this moment or later."""


def origin_of(sightings: Sequence[Sighting], info: VersionInfo | None, client_id: str | None) -> LiveOrigin | None:
    """How a version became live, from the sightings of one period and the organisation's entry; None if unknown.

    `client_id` is our own client: what it made is not hand-made.
    """
    told = _merged([each.origin for each in sorted(sightings, key=lambda seen: seen.at) if each.origin is not None])
    if told is None and info is not None:
        ours = client_id is not None and client_id in (info.created_by_id, info.created_by)
        told = LiveOrigin(LiveResult.DELIVERED if ours else LiveResult.HAND_MADE)
    if told is None or told.result not in _BY_A_PERSON:
        return told
    publisher = next((origin.by for each in sightings if _published_by_hand(origin := each.origin)), None)
    author = info.created_by if info is not None else None
    if publisher is not None:
        return replace(told, by=publisher, by_role="publisher")
    return replace(told, by=author, by_role="version author") if author is not None else told


_BY_A_PERSON = (LiveResult.ADOPTED, LiveResult.HAND_MADE)


def _published_by_hand(origin: LiveOrigin | None) -> TypeGuard[LiveOrigin]:
    return origin is not None and origin.result is LiveResult.HAND_MADE and origin.by is not None


def _merged(origins: Sequence[LiveOrigin]) -> LiveOrigin | None:
    """What several sources tell about one change, in order of time: the first counts, later ones fill its gaps."""
    if not origins:
        return None
    results = [each.result for each in origins]
    result = results[0]
    if LiveResult.ROLLED_BACK in results and result is LiveResult.DELIVERED:
        result = LiveResult.ROLLED_BACK
    if LiveResult.ADOPTED in results and result is LiveResult.HAND_MADE:
        result = LiveResult.ADOPTED
    alike = [each for each in origins if each.result is result]
    values = {
        field.name: next((value for each in alike if (value := getattr(each, field.name)) is not None), None)
        for field in fields(LiveOrigin)
        if field.name != "result"
    }
    return LiveOrigin(result, **values)
