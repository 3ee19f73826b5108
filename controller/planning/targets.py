"""Checks whether a target version can be made live: it exists, is unambiguous and is not archived.

A plan blocks a change that fails this check. The delivery reads the versions again and repeats the check.
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.domain.errors.change import AmbiguousVersion, NoSuchVersion, VersionArchived
from controller.domain.identity import FlowKey
from controller.domain.versions import VersionInfo, named, newest

_PIN = "pin a version that is there and not archived"


def unusable(key: FlowKey, target: str, versions: Sequence[VersionInfo]) -> NoSuchVersion | None:
    """Why `target`, a number or an id, cannot be made live; None if it can. `versions` are newest first."""
    found = named(versions, target)
    if not found:
        return NoSuchVersion(f"{key}: version {target} does not exist; the newest are {newest(versions)}", hint=_PIN)
    if len(found) > 1:
        meant = " or ".join(f"{info.version} (id {info.id or info.version})" for info in found)
        return AmbiguousVersion(f"{key}: {target} could mean {meant}", hint="pin the id of one that no other has")
    [info] = found
    if info.status == "archived":
        return VersionArchived(f"{key}: version {target} is archived; the newest are {newest(versions)}", hint=_PIN)
    if not info.active and info.status != "draft":
        return NoSuchVersion(f"{key}: version {target} is {info.status}; the newest are {newest(versions)}", hint=_PIN)
    return None
