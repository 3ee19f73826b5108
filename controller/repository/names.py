"""Checks names before they reach git or the file system, so that none is read as an option or leaves its folder."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.redaction import MASK

_SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")
_LONGEST_NAME = 512
_REVISION = re.compile(r"[0-9a-f]{4,64}")
_BRANCH_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|\.lock(?:/|$)|(?:^|/)\.|\.$|/$|^/|^-|^@$|^HEAD$")
_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!//)(?!:)[^-].*")
_SCHEMES = ("https", "http", "ssh", "file")


def checked_branch(name: str) -> str:
    """The name, if git accepts it for a branch (rules of git-check-ref-format). Raises RepositoryFailed."""
    if not name or _BRANCH_FORBIDDEN.search(name):
        raise RepositoryFailed(f"{name!r} is not a branch name", hint="use letters, digits, '-', '_', '.' and '/'")
    return name


def checked_ref(name: str) -> str:
    """The full name of a ref such as `refs/pull/7/head`, if git accepts it. Raises RepositoryFailed."""
    if not name.startswith("refs/"):
        raise RepositoryFailed(f"{name!r} is not the full name of a ref")
    return checked_branch(name)


def checked_revision(sha: str) -> str:
    """The commit id, if it is one in hexadecimal. Raises RepositoryFailed."""
    if not _REVISION.fullmatch(sha):
        raise RepositoryFailed(f"{sha!r} is not a commit id")
    return sha


def checked_name(name: str) -> str:
    """The name of a commit as a person gives it: a branch, a remote branch, a tag, an id. Raises RepositoryFailed."""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or name.startswith("-"):
        raise RepositoryFailed(
            f"{name[:80]!r} is not the name of a commit", hint="name a branch, or the id of a commit"
        )
    return name


def checked_slug(name: str, what: str) -> str:
    """The name, if it is safe as one component of a path. Raises RepositoryFailed."""
    if not _SLUG.fullmatch(name) or ".." in name or name.endswith(".lock"):
        raise RepositoryFailed(
            f"the {what} {name!r} cannot be part of a file name",
            hint="use letters, digits, '.', '_' and '-', starting and ending with a letter or digit",
        )
    return name


def checked_folder(path: str) -> str:
    """The folder relative to the repository, normalised. Raises RepositoryFailed when it is the root or leaves it."""
    pure = PurePosixPath(path)
    parts = pure.parts
    unsafe = any(part == ".." or part.lower() == ".git" or part.startswith("-") for part in parts)
    if not parts or pure.is_absolute() or unsafe or re.search(r"[\x00-\x1f\\:]", path):
        raise RepositoryFailed(
            f"the artifacts path {path!r} must name a folder below the root of the repository",
            hint="for example artifacts",
        )
    return pure.as_posix()


def checked_url(url: str) -> str:
    """The URL of a remote, if it is https, http, ssh, file, user@host:path or a path and holds no password.

    Raises SettingsInvalid; the message never repeats a password.
    """
    if not url or url.startswith("-") or re.search(r"[\x00-\x20]", url):
        raise SettingsInvalid(f"{_shown(url)!r} is not the URL of a git repository")
    if "::" in url.split("/", 1)[0]:
        raise SettingsInvalid(f"{_shown(url)!r} names a remote helper", hint="use https, ssh or file")
    if "://" not in url:
        if url.startswith(("/", ".", "~")) or _SCP_LIKE.fullmatch(url):
            return url
        shown = f"{MASK}@{url.rpartition('@')[2]}" if "@" in url else url
        raise SettingsInvalid(
            f"{shown!r} is neither a URL nor a path of a git repository", hint="write ./ before a path"
        )
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SettingsInvalid(f"{_shown(url)!r} has no valid host or port") from error
    if parts.scheme not in _SCHEMES or (parts.hostname or "").startswith("-"):
        raise SettingsInvalid(f"{_shown(url)!r}: only {', '.join(_SCHEMES)} are understood")
    if parts.password is not None:
        raise SettingsInvalid(
            f"{_shown(url)!r} holds a password", hint="give it as a token or a key file instead of in the URL"
        )
    return url


def _shown(url: str) -> str:
    """The URL without the part before an `@`, also where it cannot be parsed."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{MASK}@{rest.rpartition('@')[2]}" if "@" in rest else url


def ref_component(name: str) -> str:
    """A branch name as one component of a ref, so that `a` and `a/b` can coexist."""
    return quote(name, safe="")


def branch_of(component: str) -> str:
    """The branch name that `ref_component` wrote."""
    return unquote(component)


def repository_path(url: str) -> str:
    """The path of a repository's URL, without `.git`.

    One forge answers under several host names (HTTPS, SSH, inside the cluster), so the path alone tells the repository.
    """
    _, separator, scp_path = url.partition(":")
    path = urlsplit(url).path if "://" in url or not separator else scp_path
    return path.strip("/").removesuffix(".git")
