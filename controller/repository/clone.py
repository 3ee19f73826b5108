"""The service's own clone: bare, reused after a restart, and replaced when it is broken."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import structlog

from controller.domain.errors.repository import RepositoryFailed
from controller.repository.command import GitCommand
from controller.repository.here import Here
from controller.repository.names import checked_url
from controller.repository.pending import ROOT as PENDING
from controller.repository.place import GitFolders, bare_place
from controller.repository.remote import NETWORK_TIMEOUT_S, Heads, Remote

ORIGIN = "origin"
_FOLLOWED = "penstock.followed"
"""The clone's setting for the branch that it follows."""
STALE_LOCK_S = 60.0
"""Git locks a ref or its settings only for moments; an older lock is from a killed process."""

_log = structlog.get_logger()


def prepare_clone(url: str, into: Path) -> GitFolders:
    """A bare repository at `into` with the remote `url`; an existing one is used again, a broken one set aside.

    Raises SettingsInvalid for a URL that is not acceptable, and RepositoryFailed when `into` holds something else or
    cannot be written.
    """
    try:
        return _prepared(absolute_url(url), into.absolute())
    except OSError as error:
        raise RepositoryFailed(
            f"the clone in {into} cannot be made: {error.strerror or type(error).__name__}",
            hint="free some space, make the folder writable, or choose another PENSTOCK_WORK_DIR",
        ) from error


def _prepared(target: str, into: Path) -> GitFolders:
    _remove_stale_locks(into)
    if not _usable(into):
        broken = _set_aside(into)
        _create(into)
        if broken is not None:
            _save_pending(into, broken)
    git = GitCommand(bare_place(into))
    if git.settings().get(f"remote.{ORIGIN}.url") != target:
        git.run("config", f"remote.{ORIGIN}.url", target)
        git.attempt("config", "--unset", _FOLLOWED)
        for ref in _kept_refs(git):
            git.run("update-ref", "-d", ref)
    return bare_place(into)


def known_branches(here: Here, named: str | None) -> tuple[str, ...]:
    """The branches that may be the one to follow, besides that of the remote's HEAD."""
    return tuple(filter(None, [named or here.settings.get(_FOLLOWED)]))


def followed_branch(here: Here, heads: Heads, named: str | None) -> str | None:
    """The branch to follow: the operator's, else the one that the remote's HEAD names.

    If HEAD names no existing branch, the one that this clone followed before, if any.
    """
    before = here.settings.get(_FOLLOWED)
    branch = named or heads.head or before
    if branch is not None and branch != before:
        here.git.run("config", _FOLLOWED, branch)
    return branch


def absolute_url(url: str) -> str:
    """The checked URL. A path is made absolute, because git runs in another folder."""
    checked = checked_url(url)
    if "://" not in checked and checked.startswith(("/", ".", "~")):
        return str(Path(checked).expanduser().absolute())
    return checked


def maintain(git: GitCommand) -> None:
    """Let git pack and prune its objects when it considers that due."""
    git.attempt("maintenance", "run", "--auto", "--quiet", timeout_s=NETWORK_TIMEOUT_S)


def _create(into: Path) -> None:
    """Make the repository in a temporary folder and move it, so that `into` never holds half a repository."""
    into.parent.mkdir(parents=True, exist_ok=True)
    fresh = into.with_name(f".{into.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    parent = GitCommand(bare_place(into.parent))
    parent.run("init", "--quiet", "--bare", "--template=", "--initial-branch=none", "--", str(fresh))
    if into.exists():
        into.rmdir()
    fresh.rename(into)


def _usable(into: Path) -> bool:
    """Whether the folder is a repository with all objects of the fetched branches."""
    if not (into / "HEAD").is_file():
        return False
    git = GitCommand(bare_place(into))
    if git.attempt("rev-parse", "--is-bare-repository").output.strip() != b"true":
        return False
    if not git.attempt("for-each-ref", "--count=1").ok:
        return False
    kept = _kept_refs(git)
    return not kept or git.attempt("rev-list", "--objects", "--quiet", "--end-of-options", *kept, "--").ok


def _kept_refs(git: GitCommand) -> list[str]:
    """The refs that hold the last known commits of the remote's branches."""
    return git.text("for-each-ref", "--format=%(refname)", Remote.KEPT).split()


def _set_aside(into: Path) -> Path | None:
    """Move a broken repository away and return the new place. Anything else is not touched."""
    if not into.exists() or not any(into.iterdir()):
        return None
    if not (into / "objects").is_dir():
        raise RepositoryFailed(f"{into} holds something that is no clone", hint="choose an empty PENSTOCK_WORK_DIR")
    broken = into.with_name(f"{into.name}.broken")
    shutil.rmtree(broken, ignore_errors=True)
    into.rename(broken)
    _log.warning("clone.set-aside", path=str(into), kept=str(broken))
    return broken


def _save_pending(into: Path, broken: Path) -> None:
    """Fetch the commits that waited to be pushed from the broken clone, as far as they are readable."""
    for name in ("config", "HEAD"):
        shutil.copyfile(into / name, broken / name)
    refspec = f"+{PENDING}/*:{PENDING}/*"
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
    answer = GitCommand(bare_place(into)).attempt("fetch", *options, "--end-of-options", str(broken), refspec)
    if not answer.ok:
        _log.error("clone.pending-lost", kept=str(broken), error=answer.complaint)


def _remove_stale_locks(into: Path) -> None:
    """Remove the locks of a killed git; no other process works in this folder."""
    now = time.time()
    folders = [into, *(into / "refs").rglob("*")] if (into / "refs").is_dir() else []
    for lock in [lock for folder in folders if folder.is_dir() for lock in folder.glob("*.lock")]:
        if now - lock.stat().st_mtime > STALE_LOCK_S:
            lock.unlink(missing_ok=True)
            _log.info("clone.unlocked", path=str(lock))
