"""The versions of a flow as an organisation lists them: pins, and candidates for the live version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One listed version of a flow."""

    version: str
    status: str
    """`draft`, `published`, `deployed` or `archived`."""
    id: str | None = None
    """The organisation's own id of the version; None if the number is the id."""
    created_at: datetime | None = None
    created_by: str | None = None
    created_by_id: str | None = None
    published_at: datetime | None = None
    published_until: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether traffic can reach it, so that `safety.maxActiveVersions` counts it."""
        return self.status in ("published", "deployed")


def is_number(pin: str) -> bool:
    """Whether the pin is a version number, which does not identify a flow, as opposed to an id."""
    return pin.replace(".", "").isdecimal()


def named(versions: Iterable[VersionInfo], pin: str) -> list[VersionInfo]:
    """The versions that match a pin by number or id; several if the pin is ambiguous."""
    return [info for info in versions if pin in (info.version, info.id)]


def pinned_number(versions: Iterable[VersionInfo], pin: str) -> str:
    """The number of the pinned version; the pin itself unless exactly one version matches."""
    found = named(versions, pin)
    return found[0].version if len(found) == 1 else pin


def live_candidates(versions: Sequence[VersionInfo]) -> list[VersionInfo]:
    """The versions that may take calls: the deployed version, else all published ones.

    A version with a past end of publication was live once.
    """
    deployed = [info for info in versions if info.status == "deployed"]
    return deployed or [info for info in versions if info.status == "published" and info.published_until is None]


def newest(versions: Sequence[VersionInfo], count: int = 5) -> str:
    """The newest versions as text, from versions in order of age, newest first: `3.0 (draft), 2.0 (deployed)`."""
    return ", ".join(f"{info.version} ({info.status})" for info in versions[:count]) or "none"
