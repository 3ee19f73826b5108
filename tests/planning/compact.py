"""Reads the compact form of a planning case: desired, live and recorded state in a few lines of YAML each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from controller.domain.desired import (
    Credentials,
    CyclePolicy,
    DesiredFlow,
    Endpoint,
    OnLocked,
    Organization,
    Origin,
    PinnedVersion,
    Removal,
    Safety,
    SecretSource,
    SourceFile,
    SyncPolicy,
)
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState, LockHolder
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.domain.references import FlowReference, Resolution
from controller.domain.versions import VersionInfo
from controller.planning.inputs import PlanInputs, Quarantine
from tests.support.source_text import KnownText

OBSERVED_AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ORIGIN = Origin("manifests/production.yaml")

Document = Mapping[str, Any]


def organization(document: Document) -> Organization:
    """The `organization` and `desired` parts."""
    policy = document.get("organization", {})
    flows = (desired_flow(id_, entry) for id_, entry in document.get("desired", {}).items())
    return Organization(
        name=policy.get("name", "production"),
        endpoint=Endpoint("mypurecloud.ie", "https://api.mypurecloud.ie", "https://login.mypurecloud.ie"),
        dialect=policy.get("api", "architect"),
        credentials=Credentials(SecretSource(env="ID"), SecretSource(env="SECRET")),
        origin=ORIGIN,
        flows=tuple(sorted(flows, key=lambda flow: flow.id)),
        sync=SyncPolicy(
            heal=policy.get("heal", False),
            prune=policy.get("prune", False),
            removal=Removal(policy.get("removal", "unpublish")),
        ),
        safety=Safety(max_active_versions=policy.get("maxActiveVersions", 5)),
        on_locked=OnLocked(policy.get("onLocked", "fail")),
        cycles=CyclePolicy(policy.get("cycles", "block")),
        suspended=policy.get("suspended", False),
    )


def desired_flow(id_: str, entry: Document) -> DesiredFlow:
    calls = references(entry.get("calls", ()))
    if "version" in entry:
        source: SourceFile | PinnedVersion = PinnedVersion(entry["version"])
    else:
        source = SourceFile(f"flows/{id_}.yaml", KnownText(), f"sha256:{entry['digest']}", calls)
    return DesiredFlow(
        id=id_,
        key=FlowKey.parse(entry["key"]),
        source=source,
        origin=ORIGIN,
        depends_on=tuple(entry.get("dependsOn", ())),
        suspended=entry.get("suspended", False),
        previous_name=entry.get("renamedFrom"),
    )


def references(entries: Sequence[str | Document]) -> tuple[FlowReference, ...]:
    """`commonmodule/X`, `inboundcall|securecall/X` for several types, `?/X` for any, or `{dynamic: expression}`."""
    return tuple(_reference(index, entry) for index, entry in enumerate(entries))


def _reference(index: int, entry: str | Document) -> FlowReference:
    path = f"tasks[0].actions[{index}]"
    if isinstance(entry, str):
        types, _, name = entry.partition("/")
        return FlowReference(name, () if types == "?" else tuple(types.split("|")), "transferToFlow", path)
    if "id" in entry:
        return FlowReference(entry["name"], ("inboundcall",), "transferToFlow", path, flow_id=entry["id"])
    resolution, name = next(iter(entry.items()))
    return FlowReference(name, ("inboundcall",), "transferToFlow", path, Resolution(resolution))


def live_state(document: Document) -> LiveState:
    """The `live` part, and the references and digests that it holds."""
    entries = {FlowKey.parse(text): entry for text, entry in document.get("live", {}).items()}
    return LiveState(
        flows={key: live_flow(key, entry) for key, entry in entries.items()},
        observed_at=OBSERVED_AT,
        references={key: references(entry["calls"]) for key, entry in entries.items() if "calls" in entry},
        digests={key: f"sha256:{entry['digest']}" for key, entry in entries.items() if "digest" in entry},
        ambiguous=frozenset(FlowKey.parse(text) for text in document.get("ambiguous", ())),
        consumers={
            key: tuple(FlowKey.parse(text) for text in entry["consumers"])
            for key, entry in entries.items()
            if "consumers" in entry
        },
        consumers_unknown={
            key: entry["consumers_unknown"] for key, entry in entries.items() if "consumers_unknown" in entry
        },
        versions={
            key: tuple(map(version_info, entry["versions"])) for key, entry in entries.items() if "versions" in entry
        },
        undetermined={key: entry["undetermined"] for key, entry in entries.items() if "undetermined" in entry},
        partial=tuple(document.get("partial", ())),
    )


def version_info(text: str) -> VersionInfo:
    """`13.0 draft`, or `13.0 draft ver-13` where the version has an id of its own."""
    version, status, id_ = (*text.split(), None)[:3]
    return VersionInfo(str(version), str(status), id_)


def live_flow(key: FlowKey, entry: Document) -> LiveFlow:
    lock = entry.get("locked")
    holder = LockHolder(lock["name"], lock.get("kind", "user"), lock.get("since")) if lock else None
    return LiveFlow(
        id=entry.get("id", f"id of {key}"),
        key=key,
        published_version=entry.get("version"),
        locked_by=holder,
        has_draft=entry.get("draft", False),
    )


def recorded_state(document: Document) -> RecordedState:
    """The `recorded` part."""
    entries = {FlowKey.parse(text): entry for text, entry in document.get("recorded", {}).items()}
    return RecordedState("production", {key: recorded_flow(key, entry) for key, entry in entries.items()})


def recorded_flow(key: FlowKey, entry: Document) -> RecordedFlow:
    return RecordedFlow(
        key=key,
        manifest=entry["manifest"],
        flow_id=entry.get("id", f"id of {key}"),
        version=entry["version"],
        source_digest=f"sha256:{entry['digest']}" if "digest" in entry else None,
        export_digest=None,
        dependency_digest="sha256:recorded",
        consumed={FlowKey.parse(text): version for text, version in entry.get("consumed", {}).items()},
        recorded_at=datetime.fromisoformat(entry["at"]) if "at" in entry else None,
    )


def plan_inputs(document: Document) -> PlanInputs:
    """The `inputs` part."""
    entry = document.get("inputs", {})
    quarantines = tuple(
        Quarantine(FlowKey.parse(item["key"]), item["wanted"], item["reason"]) for item in entry.get("quarantines", ())
    )
    return PlanInputs(entry.get("revision", "0123abc"), quarantines, client_name=entry.get("client"))
