"""Proves the audit log: the store's chain, the daily files, and the heads in record commits, each against the others.

What is read first is older than what is read after it: record commits, heads, files, and then the chain.
So whatever is appended meanwhile is missing nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.wording import counted
from controller.questions.audit_walk import AuditWalk, AuditWitnesses
from controller.reconcile.workspace import Workspace
from controller.repository.audit_heads import AuditHead
from controller.repository.repository import Repository
from controller.store.audit_chain import ChainHead
from controller.store.audit_findings import ChainFinding, Link, changed, ended, link_of
from controller.store.audit_lines import Filed, FilesRead, read_files
from controller.store.audit_reading import AuditReading


@dataclass(frozen=True, slots=True)
class ProvenChain:
    """The parts of an organisation's log that were checked."""

    organization: str
    entries: int
    """In the store."""
    first: int | None
    """The position of the oldest entry; None where there is none, or no store."""
    head: ChainHead
    """The end of the chain."""
    filed: int
    """Lines of files that belong to its chain."""
    commits: int
    """Record commits with a head that was compared."""


@dataclass(slots=True)
class AuditProof:
    """The answer of `penstock audit verify`: whole where it has no findings."""

    chains: list[ProvenChain] = field(default_factory=list)
    findings: list[ChainFinding] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    """What could not be checked, and why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The record commits of the organisations that the repository knows."""

    heads: Mapping[str, tuple[AuditHead, ...]]
    stores: Mapping[str, str | None]
    """By organisation, the store that wrote its record last."""
    workspace: Workspace | None = None

    def store_of(self, head: AuditHead) -> str | None:
        """The store that made a record commit; None where it cannot be told."""
        if self.workspace is None:
            return None
        policy = self.workspace.organization(head.organization).artifacts
        try:
            return self.workspace.repository.recorded_in(head.sha, head.organization, policy).store_id
        except RepositoryFailed:
            return None


def recorded_heads(workspace: Workspace, unchecked: list[str]) -> Recorded:
    """The heads in the record commits of the workspace's organisations; notes what cannot be read."""
    repository: Repository = workspace.repository
    if not repository.has_git:
        unchecked.append(f"record commits: {repository.top} is in no git repository")
        return Recorded({}, {})
    heads: dict[str, tuple[AuditHead, ...]] = {}
    stores: dict[str, str | None] = {}
    for each in workspace.desired.organizations:
        try:
            heads[each.name] = repository.audit_heads(each.name, each.artifacts)
            stores[each.name] = repository.recorded_state(each.name, each.artifacts).store_id
        except PenstockError as error:
            unchecked.append(f"record commits of {each.name}: {error.message}")
            continue
        if not heads[each.name]:
            unchecked.append(f"record commits of {each.name}: none tells a head of the audit log yet")
    return Recorded(heads, stores, workspace)


class AuditProver:
    """Checks chains. `reading` is None without a store, `folders` are those of the daily files."""

    def __init__(
        self, reading: AuditReading | None, folders: Sequence[Path], recorded: Recorded, oldest_day: date
    ) -> None:
        """`oldest_day` is the oldest one whose files have to be there."""
        self._reading = reading
        self._folders = folders
        self._recorded = recorded
        self._oldest_day = oldest_day

    def prove(self, organization: str | None = None) -> AuditProof:
        """Check one organisation, or all that store, files or record commits name. Raises StoreFailed."""
        proof = AuditProof()
        heads = self._reading.heads() if self._reading else {}
        files = read_files(self._folders, organization)
        proof.findings += files.findings
        if files.before_the_chain:
            lines = counted(files.before_the_chain, "line")
            proof.unchecked.append(f"files: {lines} of versions without a chain")
        names = {*heads, *files.entries, *self._recorded.heads}
        for name in sorted(names if organization is None else {organization}):
            self._prove_one(proof, name, heads.get(name, ChainHead()), files)
        return proof

    def _prove_one(self, proof: AuditProof, name: str, head: ChainHead, files: FilesRead) -> None:
        witnesses = AuditWitnesses(files.entries.get(name, {}), self._recorded.heads.get(name, ()))
        walk = AuditWalk(name, witnesses)
        if self._reading is None:
            self._walk_files(walk, files.entries.get(name, {}))
        else:
            self._walk_store(walk, self._reading, head, name)
        walk.finish()
        walk.findings += self._missing(walk, name)
        proof.findings += walk.findings
        self._judge_commits(proof, walk, name)
        entries = walk.entries if self._reading is not None else 0
        proof.chains.append(
            ProvenChain(name, entries, walk.first, walk.head, len(files.entries.get(name, {})), witnesses.compared)
        )
        if witnesses.unknown:
            what = f"{counted(witnesses.unknown, 'place')} in files or record commits from before position {walk.first}"
            proof.unchecked.append(f"{name}: {what}, whose entries the store purged")

    def _walk_store(self, walk: AuditWalk, reading: AuditReading, head: ChainHead, name: str) -> None:
        at_head: Link | None = None
        for entry in reading.chain(name):
            shown = entry.to_json()
            link = link_of(shown, f"position {entry.position}")
            wrong = changed(shown)
            if wrong is not None:
                walk.findings.append(link.finding(wrong))
            walk.step(Filed(link, entry.webhook_synced))
            day = None if entry.at is None else entry.at.date()
            if self._folders and entry.filed and link.position <= head.position and day and day >= self._oldest_day:
                walk.expect_line(link)
            at_head = link if link.position == head.position else at_head
        wrong_end = ended(walk.last, at_head, head, name)
        if wrong_end is None and walk.last is not None and walk.last.position > head.position:
            # Entries were appended meanwhile, and then the head tells so.
            now = reading.heads().get(name, ChainHead())
            if now.position < walk.last.position:
                wrong_end = walk.last.finding(f"it is after the head of the chain, position {now.position}")
        walk.findings += [wrong_end] if wrong_end and (head.position or walk.last) else []
        for entry in reading.unchained(name):
            at = None if entry.at is None else entry.at.isoformat()
            what = "it has no place in the chain: it was added, or a version without a chain still runs"
            walk.findings.append(ChainFinding(f"entry {entry.id}", name, at, what))

    @staticmethod
    def _walk_files(walk: AuditWalk, filed: Mapping[int, Filed]) -> None:
        """Without a store the lines are the chain; older files may have been removed."""
        walk.may_begin_anywhere = True
        for position in sorted(filed):
            walk.step(filed[position])

    def _missing(self, walk: AuditWalk, name: str) -> list[ChainFinding]:
        """Entries of processes with daily files that are in none. A line may follow its commit by a moment."""
        if not walk.not_filed:
            return []
        again = read_files(self._folders, name).entries.get(name, {})
        what = "its line is in none of the daily files: it was removed, never written, or that folder was not given"
        return [link.finding(what) for link in walk.not_filed if link.position not in again]

    def _judge_commits(self, proof: AuditProof, walk: AuditWalk, name: str) -> None:
        """Heads that do not match, unless another store recorded them then and this one does now."""
        own = self._reading.store_id() if self._reading else None
        recorded = self._recorded.stores.get(name)
        others = 0
        if self._reading is not None and recorded is not None and recorded != own:
            what = f"the record was last written by another store ({recorded}), whose audit log is not here"
            proof.findings.append(ChainFinding("record", name, None, what))
            others = len(walk.wrong_commits)
        else:
            for head, what in walk.wrong_commits:
                store = self._recorded.store_of(head) if own is not None else None
                if store is not None and store != own:
                    others += 1
                else:
                    proof.findings.append(ChainFinding(f"commit {head.sha[:12]}", name, head.at, what))
        if others:
            proof.unchecked.append(f"{name}: {counted(others, 'record commit')} of another store")
