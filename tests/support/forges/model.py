"""What a forge holds: people, repositories, pull requests and what is said about them. The dialects only show it."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEVELS = ("none", "read", "triage", "write", "maintain", "admin")
"""What a person may do in a repository, the least first; in GitHub's words."""


@dataclass(slots=True)
class Person:
    """Somebody with an account; `kind` is `User`, `Bot` or `Organization`."""

    id: int
    login: str
    kind: str = "User"


@dataclass(slots=True)
class Comment:
    """A comment of a pull request. `system` is what GitLab itself writes among them."""

    id: int
    author: Person
    body: str
    created_at: datetime
    updated_at: datetime
    system: bool = False


@dataclass(slots=True)
class Status:
    """A commit status; a later one of the same context takes its place."""

    id: int
    sha: str
    context: str
    state: str
    description: str
    target_url: str | None
    creator: Person
    created_at: datetime


@dataclass(slots=True)
class CheckRun:
    """A check run of GitHub, with its annotations as they were sent."""

    id: int
    sha: str
    name: str
    app_id: int
    values: dict[str, Any]
    started_at: datetime
    annotations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Review:
    """What a person said of the head `sha`; `state` in GitHub's words (APPROVED, CHANGES_REQUESTED, COMMENTED)."""

    id: int
    author: Person
    state: str
    sha: str
    body: str
    submitted_at: datetime
    dismissed: bool = False


@dataclass(slots=True)
class PullRequest:
    """A pull request from a branch of `head` into a branch of the repository that holds it."""

    id: int
    number: int
    title: str
    body: str
    author: Person
    head: Repository
    head_branch: str
    base: Repository
    base_branch: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: Person | None = None
    merge_sha: str | None = None
    closed_at: datetime | None = None
    heads: list[tuple[str, datetime]] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)

    @property
    def sha(self) -> str:
        """The commit at its head."""
        return self.heads[-1][0]


@dataclass(slots=True)
class Repository:
    """A repository; `branches` has the commit of each branch, `people` the level of each login."""

    id: int
    owner: Person
    name: str
    default_branch: str = "main"
    private: bool = True
    fork_of: Repository | None = None
    branches: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    former_names: list[str] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """`OWNER/NAME`."""
        return f"{self.owner.login}/{self.name}"

    def level(self, login: str) -> str:
        """What somebody may do: the owner everything, a stranger nothing where it is private."""
        if login == self.owner.login:
            return "admin"
        return self.people.get(login, "none" if self.private else "read")

    def may(self, login: str, level: str) -> bool:
        """Whether somebody may do what this level may."""
        return LEVELS.index(self.level(login)) >= LEVELS.index(level)


class Forge:
    """The state of one forge, and what people do there past Penstock. Time passes only where a test says so."""

    def __init__(self) -> None:
        self.now = START
        self.people: dict[str, Person] = {}
        self.repositories: dict[int, Repository] = {}
        self._numbers = itertools.count(1001)

    def pass_time(self, seconds: float) -> None:
        """Let time pass: tokens and limits expire."""
        self.now += timedelta(seconds=seconds)

    def next_id(self) -> int:
        """An id that nothing else of this forge has."""
        return next(self._numbers)

    def sha(self, *parts: object) -> str:
        """A commit id that the same parts always give."""
        return hashlib.sha1(repr(parts).encode(), usedforsecurity=False).hexdigest()

    def person(self, login: str, kind: str = "User") -> Person:
        """The person of this login, who is registered at the first mention."""
        if login not in self.people:
            self.people[login] = Person(self.next_id(), login, kind)
        return self.people[login]

    def repository(self, full_name: str, *, private: bool = True, fork_of: Repository | None = None) -> Repository:
        """A new repository with one commit on `main`."""
        owner, _, name = full_name.rpartition("/")
        made = Repository(self.next_id(), self.person(owner), name, private=private, fork_of=fork_of)
        made.branches["main"] = fork_of.branches["main"] if fork_of else self.sha(full_name, "main")
        self.repositories[made.id] = made
        return made

    def grant(self, repository: Repository, level: str, *logins: str) -> None:
        """Let people do in a repository what this level may, which is one of LEVELS."""
        for login in logins:
            repository.people[self.person(login).login] = level

    def find(self, full_name: str) -> Repository | None:
        """The repository of this name now; letter case does not count."""
        wanted = full_name.lower()
        return next((one for one in self.repositories.values() if one.full_name.lower() == wanted), None)

    def find_former(self, full_name: str) -> Repository | None:
        """The repository that had this name before."""
        wanted = full_name.lower()
        found = (one for one in self.repositories.values() if wanted in map(str.lower, one.former_names))
        return next(found, None)

    def rename(self, repository: Repository, full_name: str) -> None:
        """Rename or move a repository; its former name redirects."""
        repository.former_names.append(repository.full_name)
        owner, _, repository.name = full_name.rpartition("/")
        repository.owner = self.person(owner)

    def pull_request(  # a test says what it needs, and nothing else
        self,
        base: Repository,
        author: str,
        branch: str = "change",
        *,
        head: Repository | None = None,
        title: str = "Change flows",
        body: str = "",
        into: str = "main",
        draft: bool = False,
    ) -> PullRequest:
        """A new open pull request; its branch is made where there is none."""
        source = head or base
        sha = source.branches.setdefault(branch, self.sha(source.full_name, branch, self.next_id()))
        number = max(base.pulls, default=0) + 1
        made = PullRequest(
            self.next_id(), number, title, body, self.person(author), source, branch, base, into, self.now, self.now
        )
        made.draft = draft
        made.heads.append((sha, self.now))
        base.pulls[number] = made
        return made

    def push(self, repository: Repository, branch: str, sha: str | None = None) -> str:
        """A new commit on a branch, which moves the head of each open pull request from it; gives the commit."""
        commit = sha or self.sha(repository.full_name, branch, self.next_id())
        repository.branches[branch] = commit
        for pull in (pull for holder in self.repositories.values() for pull in holder.pulls.values()):
            if pull.state == "open" and pull.head is repository and pull.head_branch == branch:
                pull.heads.append((commit, self.now))
                pull.updated_at = self.now
        return commit

    def merge(self, pull: PullRequest, by: str, sha: str | None = None) -> str:
        """Merge a pull request; gives the commit on its base."""
        pull.state, pull.merged_at, pull.merged_by = "closed", self.now, self.person(by)
        pull.closed_at = pull.updated_at = self.now
        pull.merge_sha = self.push(pull.base, pull.base_branch, sha)
        return pull.merge_sha

    def close(self, pull: PullRequest) -> None:
        """Close a pull request without merging it."""
        pull.state, pull.closed_at, pull.updated_at = "closed", self.now, self.now

    def comment(self, pull: PullRequest, author: str, body: str, *, system: bool = False) -> Comment:
        """Somebody comments."""
        made = Comment(self.next_id(), self.person(author), body, self.now, self.now, system)
        pull.comments.append(made)
        return made

    def review(self, pull: PullRequest, author: str, state: str = "APPROVED", *, sha: str | None = None) -> Review:
        """Somebody approves the head, or another commit, or says something else of it."""
        made = Review(self.next_id(), self.person(author), state, sha or pull.sha, "", self.now)
        pull.reviews.append(made)
        return made

    def status(self, repository: Repository, sha: str, by: str, values: dict[str, Any]) -> Status:
        """A commit status of these values: state, context, description, target_url."""
        made = Status(
            self.next_id(),
            sha,
            values.get("context") or "default",
            values["state"],
            values.get("description") or "",
            values.get("target_url"),
            self.person(by),
            self.now,
        )
        repository.statuses.append(made)
        return made

    def latest_statuses(self, repository: Repository, sha: str) -> list[Status]:
        """The last status of each context of a commit, the newest first."""
        latest = {one.context: one for one in repository.statuses if one.sha == sha}
        return sorted(latest.values(), key=lambda one: one.id, reverse=True)

    def commits(self, repository: Repository) -> set[str]:
        """Every commit of a repository that anything here names."""
        pulls = repository.pulls.values()
        heads = {sha for pull in pulls for sha, _ in pull.heads}
        merges = {pull.merge_sha for pull in pulls if pull.merge_sha}
        return set(repository.branches.values()) | heads | merges
