"""The artifacts of a delivery in the repository: the lock file and the exported definitions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.domain.desired import ArtifactsPolicy
from controller.domain.identity import FlowKey
from controller.domain.platform import Export
from controller.domain.recorded import RecordedFlow
from controller.domain.wording import counted
from controller.repository.lockfile import FILE_NAME
from controller.repository.names import checked_branch, checked_folder, checked_slug

SUBJECT_LENGTH = 72
ORGANIZATION_TRAILER = "Penstock-Organization"
LOCK_TRAILER = "Penstock-Lock"
"""The trailer with the lock file of a commit. A pending commit can then be applied again on another tip."""
AUDIT_TRAILER = "Penstock-Audit"
"""The trailer with the head of the organisation's audit chain when the record was made: position and digest."""
OUTCOME_TRAILER = "Penstock-Outcome"
"""The trailer that says how the changes of a commit ended."""
APPROVER_TRAILER = "Penstock-Approved-By"


def outcome_text(outcomes: Mapping[str, str]) -> str:
    """How changes ended, by manifest: `delivered`, or `delivered front, hours; rolled-back menu` where they differ."""
    words = sorted(set(outcomes.values()))
    if len(words) < 2:
        return "".join(words)
    named = {word: ", ".join(sorted(name for name, each in outcomes.items() if each == word)) for word in words}
    return "; ".join(f"{word} {names}" for word, names in named.items())


def outcome_in(text: str, manifest: str) -> str | None:
    """The outcome of one manifest's change in the text that `outcome_text` makes; None if it has none."""
    parts = [part.partition(" ") for part in text.split("; ")]
    if len(parts) == 1:
        return parts[0][0] or None
    return next((word for word, _, names in parts if manifest in names.split(", ")), None)


@dataclass(frozen=True, slots=True)
class DeliveredFlow:
    """One flow of a commit: its entry in the lock file and its export, if there is one."""

    recorded: RecordedFlow
    export: Export | None = None


@dataclass(frozen=True, slots=True)
class SavedDraft:
    """A person's draft, saved before its lock is broken."""

    manifest: str
    label: str
    """Distinguishes drafts of one flow, for example by version or time; safe as a file name."""
    export: Export


@dataclass(frozen=True, slots=True)
class ArtifactCommit:
    """The content of one commit. Nothing else is ever written."""

    organization: str
    policy: ArtifactsPolicy
    flows: tuple[DeliveredFlow, ...] = ()
    removed: tuple[FlowKey, ...] = ()
    """Flows that lose their lock entries; their exports stay as history."""
    drafts: tuple[SavedDraft, ...] = ()
    organization_id: str | None = None
    """The organisation's own id; None if it is unknown."""
    store_id: str | None = None
    """The id of the store with the journal of these deliveries."""
    server: str | None = None
    """Where people reach the controller of that store; None if it tells no address."""
    claims: bool = False
    """Whether store and server are recorded even where no flow changes."""
    revision: str | None = None
    deployment: str | None = None
    outcome: str | None = None
    """How the changes ended, as `outcome_text` writes it."""
    approved_by: str | None = None
    """Who approved the plan, or accepted a paused version."""
    audit_head: str | None = None
    """The value of the trailer `Penstock-Audit`; None while the audit log is empty."""
    summary: tuple[str, ...] = ()
    """Lines for the commit's message."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A commit's effect on any tip of the branch: files to write, and lock entries to set or drop."""

    lock_path: str
    organization: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    set_flows: Mapping[FlowKey, RecordedFlow] = field(default_factory=dict)
    dropped: frozenset[FlowKey] = frozenset()
    organization_id: str | None = None
    """The id of the organisation; None where it is unknown or does not matter."""
    store_id: str | None = None
    """The store that recorded it."""
    server: str | None = None
    """The address of that store's controller."""
    claims: bool = False
    """Whether store and server are recorded even where no flow changes."""
    replayed: bool = False
    """Whether the edit was pending. An entry that was recorded later is then kept."""
    message: str = ""


def lock_path(organization: str, policy: ArtifactsPolicy) -> str:
    """The path of the lock file of an organisation. Raises RepositoryFailed for unsafe names."""
    return f"{_folder(organization, policy)}/{FILE_NAME}"


def edit_of(commit: ArtifactCommit) -> Edit:
    """The edit that a commit makes. Raises RepositoryFailed for unsafe names and paths."""
    checked_branch(commit.policy.branch)
    folder = _folder(commit.organization, commit.policy)
    files: dict[str, object] = {}
    for flow in commit.flows:
        files |= _flow_files(folder, flow)
    for draft in commit.drafts:
        name = f"{checked_slug(draft.manifest, 'manifest name')}/drafts/{checked_slug(draft.label, 'draft label')}"
        files |= _export_files(f"{folder}/{name}", draft.export)
    return Edit(
        lock_path=f"{folder}/{FILE_NAME}",
        organization=commit.organization,
        files={path: _encoded(content) for path, content in files.items()},
        set_flows={flow.recorded.key: flow.recorded for flow in commit.flows},
        dropped=frozenset(commit.removed),
        organization_id=commit.organization_id,
        store_id=commit.store_id,
        server=commit.server,
        claims=commit.claims,
        message=message_of(commit),
    )


def export_paths(commit: ArtifactCommit) -> dict[FlowKey, list[str]]:
    """The paths of the exports of each flow. Raises RepositoryFailed for unsafe names and paths."""
    folder = _folder(commit.organization, commit.policy)
    return {flow.recorded.key: sorted(_flow_files(folder, flow)) for flow in commit.flows}


def _flow_files(folder: str, flow: DeliveredFlow) -> dict[str, object]:
    if flow.export is None:
        return {}
    manifest = checked_slug(flow.recorded.manifest, "manifest name")
    version = checked_slug(flow.export.version, f"version of {flow.recorded.key}")
    return _export_files(f"{folder}/{manifest}/{version}", flow.export)


def message_of(commit: ArtifactCommit) -> str:
    """The commit message: the live versions, the reason, and trailers that programs read."""
    subject = f"{commit.organization}: {_what(commit)}"
    body = [f"- {_line(flow.recorded.manifest)} {_line(flow.recorded.version)}" for flow in commit.flows]
    body += [f"- {_line(str(key))} removed" for key in commit.removed]
    body += [f"- draft of {_line(draft.manifest)} kept" for draft in commit.drafts]
    paragraphs = [_line(subject)[:SUBJECT_LENGTH], "\n".join(body), "\n".join(map(_line, commit.summary))]
    trailers = {
        ORGANIZATION_TRAILER: commit.organization,
        "Penstock-Deployment": commit.deployment,
        "Penstock-Revision": commit.revision,
        OUTCOME_TRAILER: commit.outcome,
        APPROVER_TRAILER: commit.approved_by,
        AUDIT_TRAILER: commit.audit_head,
        LOCK_TRAILER: lock_path(commit.organization, commit.policy),
    }
    paragraphs.append("\n".join(f"{name}: {_line(value)}" for name, value in trailers.items() if value))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _what(commit: ArtifactCommit) -> str:
    count = len(commit.flows) + len(commit.removed)
    if commit.drafts and not count:
        return f"keep a draft of {', '.join(draft.manifest for draft in commit.drafts)}"
    if commit.claims:
        return f"recorded by {commit.server or 'another store'} from here on"
    if len(commit.flows) == count == 1:
        return f"record {commit.flows[0].recorded.manifest} {commit.flows[0].recorded.version}"
    return f"record {counted(count, 'flow')}"


def _folder(organization: str, policy: ArtifactsPolicy) -> str:
    return f"{checked_folder(policy.path)}/{checked_slug(organization, 'organization')}"


def _export_files(stem: str, export: Export) -> dict[str, object]:
    """The parts of an export, by the path of its file."""
    forms = {".json": export.definition, ".yaml": export.yaml}
    return {f"{stem}{suffix}": content for suffix, content in forms.items() if content is not None}


def _encoded(content: object) -> bytes:
    if not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return content.encode("utf-8", "backslashreplace")


def _line(text: str) -> str:
    """The text on one line, because a line break in a name could forge a trailer."""
    return "".join(character if character.isprintable() else " " for character in text)
