"""Walks along a chain of the audit log and compares it with what daily files and record commits tell of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.repository.audit_heads import AuditHead
from controller.store.audit_chain import ChainHead
from controller.store.audit_findings import ChainFinding, Link, begun, followed
from controller.store.audit_lines import Filed


class AuditWitnesses:
    """What files and record commits tell of a chain, by position; taken as the chain is walked."""

    def __init__(self, filed: Mapping[int, Filed], commits: Sequence[AuditHead]) -> None:
        self.filed = dict(filed)
        self.commits: dict[int, list[AuditHead]] = {}
        for each in commits:
            self.commits.setdefault(each.position, []).append(each)
        self.compared = 0
        self.unknown = 0
        """Those of positions that the store has no more."""


class AuditWalk:
    """One pass along a chain, comparing it with the witnesses."""

    def __init__(self, organization: str, witnesses: AuditWitnesses) -> None:
        self.organization = organization
        self.findings: list[ChainFinding] = []
        self.not_filed: list[Link] = []
        self.wrong_commits: list[tuple[AuditHead, str]] = []
        self.entries = 0
        self.last: Link | None = None
        self.may_begin_anywhere = False
        self._witnesses = witnesses
        self._first: Link | None = None
        self._restated: list[ChainHead] = []
        self._had_line = False

    @property
    def first(self) -> int | None:
        return None if self._first is None else self._first.position

    @property
    def head(self) -> ChainHead:
        return ChainHead() if self.last is None else ChainHead(self.last.position, self.last.digest)

    def step(self, entry: Filed) -> None:
        """The next entry by position: of the store, or of a file where there is no store."""
        link = entry.link
        self._first = self._first or link
        wrong = followed(self.last, link)
        self.findings += [wrong] if wrong is not None else []
        self._restated += [link.restates] if link.restates is not None else []
        self.last, self.entries = link, self.entries + 1
        filed = self._witnesses.filed.pop(link.position, None)
        self._had_line = filed is not None
        if filed is not None and filed.link.digest != link.digest:
            self.findings.append(filed.link.finding("it is another entry than the store has at that position"))
        elif filed is not None and not _may_be(filed, entry):
            self.findings.append(filed.link.finding("it was changed: `webhook_synced` is not what it was"))
        self._compare_commits(link.position, link.digest)

    def expect_line(self, link: Link) -> None:
        """The link of the last step should be in a daily file."""
        if not self._had_line:
            self.not_filed.append(link)

    def finish(self) -> None:
        """Judge the beginning, and what the witnesses tell of positions that were not met."""
        first, last = self._first, self.last
        if first is not None and not self.may_begin_anywhere:
            wrong = begun(first, self._restated)
            self.findings += [wrong] if wrong is not None else []
        if first is not None and first.position > 1:
            self._compare_before(first)
        end = 0 if last is None else last.position
        for position, filed in sorted(self._witnesses.filed.items()):
            if position > end:
                self.findings.append(filed.link.finding(_cut_off(end)))
            else:
                self._leave(position, filed.link.finding(f"the chain has no position {position}"))
        for position in sorted(self._witnesses.commits):
            for each in self._witnesses.commits[position]:
                if position > end:
                    self.wrong_commits.append((each, _cut_off(end, f"it was at position {position}")))
                elif first is not None and position < first.position:
                    self._witnesses.unknown += 1
                else:
                    self.wrong_commits.append((each, f"the chain has no position {position}"))

    def _leave(self, position: int, finding: ChainFinding) -> None:
        if self._first is not None and position < self._first.position:
            self._witnesses.unknown += 1
        else:
            self.findings.append(finding)

    def _compare_before(self, first: Link) -> None:
        """The entry before the first is known by its digest, and those before it by their lines, if there are any."""
        position, digest = first.position - 1, first.previous
        while True:
            self._compare_commits(position, digest)
            filed = self._witnesses.filed.pop(position, None)
            if filed is None:
                return
            if filed.link.digest != digest:
                self.findings.append(filed.link.finding("it is another entry than the one that the next one follows"))
                return
            position, digest = position - 1, filed.link.previous

    def _compare_commits(self, position: int, digest: str) -> None:
        for each in self._witnesses.commits.pop(position, ()):
            self._witnesses.compared += 1
            if each.digest != digest:
                what = f"at position {position} its head is another entry than the chain has: the chain was replaced"
                self.wrong_commits.append((each, what))


def _may_be(filed: Filed, entry: Filed) -> bool:
    """Whether a line can have its `webhook_synced`: it is not written again when its webhook is delivered."""
    return filed.webhook_synced is entry.webhook_synced or (entry.webhook_synced is True and not filed.webhook_synced)


def _cut_off(end: int, what: str = "it is newer") -> str:
    return f"the chain was cut off: it ends at position {end}, and {what}"
