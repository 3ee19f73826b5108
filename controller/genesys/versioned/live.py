"""What is live of a flow: told by its versions and by the listing of flows, and certain only where both agree.

Either may lag behind a publish, and a list of versions may be cut short; one of them alone proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controller.domain.errors import LiveUndetermined
from controller.domain.live import LiveFlow
from controller.domain.versions import VersionInfo, live_candidates
from controller.genesys.versioned.listing import live_flow, live_version
from controller.genesys.versioned.naming import FlowNames
from controller.genesys.wire.versioned import FlowEntity


def agree(entity: FlowEntity | None, versions: Sequence[VersionInfo] | None, *, fresh: bool) -> bool:
    """Whether the listing and the versions tell the same; a flow without versions has None.

    Where several versions are published, only the listing tells which of them is live, and has to be a `fresh` one.
    """
    if entity is None or versions is None:
        return entity is None and versions is None
    candidates = live_candidates(versions)
    listed = live_version(entity)
    if listed is None:
        return not candidates
    return _live(candidates, listed) is not None and (fresh or len(candidates) == 1)


def flow_of(entity: FlowEntity | None, versions: Sequence[VersionInfo] | None, names: FlowNames) -> LiveFlow | None:
    """The flow, of a listing and versions that agree; None where neither knows it."""
    if entity is None or versions is None:
        return None
    flow = live_flow(entity, names)
    live = _live(live_candidates(versions), flow.published_version)
    return replace(
        flow,
        published_version=live.version if live else None,
        checked_in_version=versions[0].version if versions else None,
        status=live.status if live else "draft",
        published_at=live.published_at if live else None,
    )


def undetermined(flow_id: str, entity: FlowEntity | None, versions: Sequence[VersionInfo] | None) -> LiveUndetermined:
    """The error for a listing and versions that do not agree, with what each of them tells."""
    if entity is None:
        listed = "the listing does not have it"
    else:
        listed = f"the listing shows {live_version(entity) or 'nothing'} live"
    if versions is None:
        told = "it has no list of versions"
    else:
        told = f"its versions show {' or '.join(info.version for info in live_candidates(versions)) or 'nothing'}"
    name = f"{entity.name} ({flow_id})" if entity else flow_id
    return LiveUndetermined(f"what is live of flow {name} cannot be determined: {listed}, {told}")


def _live(candidates: Sequence[VersionInfo], listed: str | None) -> VersionInfo | None:
    return next((info for info in candidates if listed in (info.version, info.id)), None)
