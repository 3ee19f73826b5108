"""The versions of a flow as an organisation lists them: which one a pin means, and which of them may be live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One version of a flow as the organisation lists it."""

    version: str
    status: str
    """`draft`, `published`, `deployed` or `archived`."""
    id: str | None = None
    """The organisation's own id of the version; None where it is the number."""
    created_at: datetime | None = None
    created_by: str | None = None
    created_by_id: str | None = None
    published_at: datetime | None = None
    published_until: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether traffic can reach it: what `safety.maxActiveVersions` counts."""
        return self.status in ("published", "deployed")


def is_number(pin: str) -> bool:
    """Whether it is a version's number, which tells no flow, rather than its id."""
    return pin.replace(".", "").isdecimal()


def named(versions: Iterable[VersionInfo], pin: str) -> list[VersionInfo]:
    """The versions that a pin means, by number or by id; more than one where it is ambiguous."""
    return [info for info in versions if pin in (info.version, info.id)]


def pinned_number(versions: Iterable[VersionInfo], pin: str) -> str:
    """The number of the version that a pin means; the pin itself where the versions do not tell."""
    found = named(versions, pin)
    return found[0].version if len(found) == 1 else pin


def live_candidates(versions: Sequence[VersionInfo]) -> list[VersionInfo]:
    """What calls may go to, as the versions tell: the deployed version, or else all that are published.

    A version whose publication has ended was live once.
    """
    deployed = [info for info in versions if info.status == "deployed"]
    return deployed or [info for info in versions if info.status == "published" and info.published_until is None]


def newest(versions: Sequence[VersionInfo], count: int = 5) -> str:
    """In words, the newest versions, of versions that come newest first: `3.0 (draft), 2.0 (deployed)`."""
    return ", ".join(f"{info.version} ({info.status})" for info in versions[:count]) or "none"
