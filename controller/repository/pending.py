"""Pending commits: those that could not be pushed are kept on refs of their own and survive a restart."""

from __future__ import annotations

from dataclasses import dataclass

from controller.repository.artifacts import LOCK_TRAILER, Edit
from controller.repository.command import GitCommand
from controller.repository.here import Here
from controller.repository.lockfile import FILE_NAME
from controller.repository.names import branch_of, checked_slug, ref_component
from controller.repository.recorded import state_in_commit
from controller.repository.revision import changed_paths

ROOT = "refs/penstock/pending"


@dataclass(frozen=True, slots=True)
class Pending:
    """The pending commits of one organisation and branch; `tip` contains them all."""

    organization: str
    branch: str
    tip: str

    @property
    def ref(self) -> str:
        return pending_ref(self.organization, self.branch)


def pending_ref(organization: str, branch: str) -> str:
    """The ref for an organisation's pending commits to a branch."""
    return f"{ROOT}/{checked_slug(organization, 'organization')}/{ref_component(branch)}"


def all_pending(git: GitCommand) -> list[Pending]:
    """All commits that wait to be pushed, ordered by organisation and branch."""
    if not git.place.has_refs(ROOT):
        return []
    listing = git.text("for-each-ref", "--format=%(objectname) %(refname)", ROOT)
    found = []
    for line in listing.splitlines():
        sha, _, ref = line.partition(" ")
        organization, _, branch = ref.removeprefix(f"{ROOT}/").partition("/")
        found.append(Pending(organization, branch_of(branch), sha))
    return found


def pending_for(here: Here, organization: str, branch: str) -> Pending | None:
    """The waiting commits of one organisation and branch, or None."""
    tip = here.commit(pending_ref(organization, branch))
    return Pending(organization, branch, tip) if tip else None


def keep(git: GitCommand, organization: str, branch: str, sha: str) -> Pending:
    """Keep a commit until it is pushed."""
    pending = Pending(organization, branch, sha)
    git.run("update-ref", pending.ref, sha)
    return pending


def forget(git: GitCommand, pending: Pending) -> None:
    """Delete the ref of pushed commits, unless it was changed meanwhile."""
    git.attempt("update-ref", "-d", pending.ref, pending.tip)


def edits_of(here: Here, pending: Pending, landed: str | None) -> list[Edit]:
    """The edits of all pending commits, oldest first, applicable to any tip."""
    beyond = [f"^{landed}"] if landed else []
    form = f"--format=%H %(trailers:key={LOCK_TRAILER},valueonly,separator=%x2C)"
    commits = ("log", "--reverse", "--first-parent", form, "--end-of-options", pending.tip, *beyond, "--")
    pairs = (line.partition(" ") for line in here.git.text(*commits).splitlines())
    own = f"/{pending.organization}/{FILE_NAME}"
    return [_edit_of(here, sha, pending.organization, lock) for sha, _, lock in pairs if lock.endswith(own)]


def _edit_of(here: Here, sha: str, organization: str, lock: str) -> Edit:
    """The edit of one commit, read from its difference to its parent."""
    parent = here.commit(f"{sha}^")
    before_it = parent or here.git.run("mktree").decode().strip()  # the empty tree
    files = [path for path in changed_paths(here.git, before_it, sha) if path != lock]
    before = state_in_commit(here, parent, lock, organization).flows
    state = state_in_commit(here, sha, lock, organization)
    found = {path: here.file(sha, path) for path in files}
    return Edit(
        lock_path=lock,
        organization=organization,
        files={path: here.content(each) for path, each in found.items() if each is not None},
        set_flows={key: flow for key, flow in state.flows.items() if before.get(key) != flow},
        dropped=frozenset(before.keys() - state.flows.keys()),
        organization_id=state.organization_id,
        store_id=state.store_id,
        server=state.server,
        replayed=True,
        message=here.git.text("log", "-1", "--format=%B", "--end-of-options", sha, "--") + "\n",
    )
