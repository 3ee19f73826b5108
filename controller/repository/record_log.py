"""The history of an organisation's lock file: what each commit of the records branch recorded.

One process of git lists the commits, another one reads the lock files. A lock file is split into its entries, and only
entries that no earlier commit has are decoded: files of thousands of flows differ by a few from commit to commit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from controller.domain.errors.repository import RepositoryFailed
from controller.domain.recorded import RecordedFlow
from controller.repository.here import Here
from controller.repository.lockfile import decode

MOST_RECORDS = 2_000
"""The commits that are read at most, the newest ones."""
_ENTRY = re.compile(rb"^(?=  - type: )", re.MULTILINE)
_FORM = "--format=%H%n%ct%n%(trailers:only=true,unfold=true)%x01%B"
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class PastRecord:
    """One commit of a record."""

    sha: str
    at: datetime
    """When it was committed."""
    message: str
    trailers: Mapping[str, str]
    entries: tuple[RecordedFlow, ...] = ()
    """The entries that no commit before it has."""
    removed: tuple[RecordedFlow, ...] = ()
    """The entries of flows that the record before has, and this one does not."""


@dataclass(frozen=True, slots=True)
class RecordLog:
    """The records of one organisation that can be reached, oldest first."""

    tip: str | None = None
    """The newest commit; None without one."""
    records: tuple[PastRecord, ...] = ()
    authors: Mapping[str, str] = field(default_factory=dict)
    """`name <address>` of the author of each delivered commit that is here."""
    notes: tuple[str, ...] = ()
    """What could not be read, for people."""

    def with_older(self, others: Sequence[RecordLog]) -> RecordLog:
        """These records and those of other logs, oldest first; the newest commit stays this log's."""
        logs = (self, *others)
        return RecordLog(
            self.tip,
            tuple(sorted((each for log in logs for each in log.records), key=lambda record: record.at)),
            {sha: author for log in logs for sha, author in log.authors.items()},
            tuple(dict.fromkeys(note for log in logs for note in log.notes)),
        )


@dataclass(frozen=True, slots=True)
class _Commit:
    sha: str
    at: datetime
    message: str
    trailers: Mapping[str, str]


def read_records(
    here: Here, tips: Sequence[str], path: str, organization: str
) -> tuple[tuple[PastRecord, ...], tuple[str, ...]]:
    """The records in the first-parent history of these commits, oldest first, and notes about what was left out.

    A later tip continues an earlier one. Raises RepositoryFailed when git fails.
    """
    commits: dict[str, _Commit] = {}
    for tip in tips:
        commits |= {each.sha: each for each in reversed(list(_commits(here, tip, path)))}
    notes = []
    if len(commits) > MOST_RECORDS:
        notes.append(f"only the newest {MOST_RECORDS} records were read")
    entries = _Entries(here, path, organization)
    records = []
    for commit in list(commits.values())[-MOST_RECORDS:]:
        try:
            records.append(entries.record(commit))
        except RepositoryFailed as error:
            notes.append(f"the record {commit.sha[:12]} was left out: {error.message}")
    return tuple(records), tuple(notes)


def read_authors(here: Here, commits: Collection[str]) -> dict[str, str]:
    """`name <address>` of the authors of those commits that are here, in one process. Raises RepositoryFailed."""
    wanted = sorted({each for each in commits if re.fullmatch(r"[0-9a-f]{40,64}", each)})
    if not wanted:
        return {}
    options = ("log", "--no-walk=unsorted", "--ignore-missing", "--no-show-signature", "--format=%H %an <%ae>")
    listing = here.git.run(*options, "--stdin", given="".join(f"{each}\n" for each in wanted).encode())
    lines = listing.decode("utf-8", "replace").splitlines()
    return {sha: name[:_LONGEST_NAME] for sha, _, name in (line.partition(" ") for line in lines)}


def _commits(here: Here, tip: str, path: str) -> Iterator[_Commit]:
    """The commits that change the lock file, newest first."""
    most = f"--max-count={MOST_RECORDS + 1}"
    options = ("log", "-z", "--first-parent", "--no-show-signature", most, _FORM, "--end-of-options", tip, "--", path)
    for entry in here.git.entries(*options):
        head, _, message = entry.decode("utf-8", "replace").partition("\x01")
        sha, at, *trailers = head.splitlines()
        pairs = (line.partition(": ") for line in trailers)
        yield _Commit(sha, datetime.fromtimestamp(int(at), UTC), message, {name: value for name, _, value in pairs})


class _Entries:
    """The entries of the lock files, from one commit to the next."""

    def __init__(self, here: Here, path: str, organization: str) -> None:
        self._here = here
        self._path = path
        self._organization = organization
        self._known: dict[bytes, RecordedFlow] = {}
        self._seen: set[tuple[str, str, datetime | None]] = set()
        self._before: dict[str, RecordedFlow] = {}
        """By flow id, the entries of the record before."""

    def record(self, commit: _Commit) -> PastRecord:
        """What the commit recorded. Raises RepositoryFailed when its lock file cannot be read."""
        flows = self._flows(commit)
        if flows is None:
            self._before = {}
            return PastRecord(commit.sha, commit.at, commit.message, commit.trailers)
        now = {each.flow_id: each for each in flows}
        new = tuple(each for each in flows if (each.flow_id, each.version, each.recorded_at) not in self._seen)
        removed = tuple(each for flow_id, each in self._before.items() if flow_id not in now)
        self._seen |= {(each.flow_id, each.version, each.recorded_at) for each in new}
        self._before = now
        return PastRecord(commit.sha, commit.at, commit.message, commit.trailers, new, removed)

    def _flows(self, commit: _Commit) -> list[RecordedFlow] | None:
        """The entries of a commit's lock file; None without one."""
        found = self._here.file(commit.sha, self._path)
        if found is None:
            return None
        content, file = self._here.content(found), f"{commit.sha[:12]}:{self._path}"
        head, *blocks = _ENTRY.split(content)
        unknown = [block for block in blocks if block not in self._known]
        if unknown or not blocks:
            decoded = decode(b"".join([head, *unknown]), file=file, organization=self._organization)
            if len(decoded.flows) != len(unknown):
                # A person wrote it in another form, whose entries are not found in the text.
                return list(decode(content, file=file, organization=self._organization).flows.values())
            self._known |= dict(zip(unknown, decoded.flows.values(), strict=True))
        return [self._known[block] for block in blocks]
