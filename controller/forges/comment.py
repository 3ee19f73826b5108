"""One comment at a pull request, updated: found by its marker, never two, and left alone while it says the same.

The comment is Penstock's when it begins with the marker and was written by the account that Penstock writes with.
A maintainer's token may edit the comments of others, so a right to edit proves nothing. Where the forge does not tell
who Penstock is, the author of a new comment does, and the new comment takes the place of the earlier one.

The status is set before the comment is written, and the marker holds the digest of both. A comment that equals
the text to write therefore proves that the status was set, and costs one read. Only when several comments have the
marker, their authors are compared even so: a stranger may have copied the comment.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

import structlog

from controller.domain.errors.forge import ForgeNotFound, ForgePermissionMissing, ForgeTooLarge, ForgeUnavailable
from controller.domain.errors.process import SettingsInvalid
from controller.forges.port import Comment, CommitStatus, Forge
from controller.forges.text import inert

log = structlog.get_logger()
_PURPOSE = re.compile(r"[a-z][a-z0-9]{0,30}")
_LONGEST_NAMES = 200
_LINE = re.compile(
    r"<!-- penstock:(?P<key>\S+ \S+) head=(?P<head>\S*) text=(?P<digest>[0-9a-f]{32})(?P<old> outdated)? -->"
)


@dataclass(frozen=True, slots=True)
class CommentMarker:
    """What tells one comment of Penstock's from the others at the same pull request.

    It is looked for at the begin of a comment only, so quoting a comment does not copy it.
    """

    purpose: str
    """A word, such as `plan`. Raises SettingsInvalid for anything else."""
    organizations: tuple[str, ...] = ()
    """The organisations that the comment speaks of: controllers of other organisations write their own."""

    def __post_init__(self) -> None:
        if not _PURPOSE.fullmatch(self.purpose):
            raise SettingsInvalid(f"{self.purpose!r} is no purpose of a comment", hint="use a word in lower case")

    @property
    def key(self) -> str:
        """Purpose and organisations in a form that cannot end an HTML comment."""
        names = ",".join(quote(name, safe="").replace("-", "%2D") for name in sorted(self.organizations))
        if len(names) > _LONGEST_NAMES:
            names = f"sha256:{hashlib.sha256(names.encode()).hexdigest()[:32]}"
        return f"{self.purpose} {names or '*'}"

    def line(self, head_sha: str, digest: str, *, outdated: bool = False) -> str:
        """The first line of the comment."""
        return f"<!-- penstock:{self.key} head={head_sha} text={digest}{' outdated' if outdated else ''} -->"

    def found_in(self, body: str) -> FoundMarker | None:
        """What the marker of this comment says; None when it has another marker or none."""
        found = _LINE.match(body)
        if found is None or found["key"] != self.key:
            return None
        return FoundMarker(found["head"], outdated=found["old"] is not None, rest=body[found.end() :].lstrip("\r\n"))


@dataclass(frozen=True, slots=True)
class FoundMarker:
    """A marker that was read from a comment."""

    head_sha: str
    outdated: bool
    rest: str
    """The comment below the marker."""


def marker_length(marker: CommentMarker) -> int:
    """The characters that the marker takes from a comment's limit."""
    return len(marker.line("0" * 64, "0" * 32)) + 1


def digest_of(body: str, head_sha: str, status: CommitStatus | None) -> str:
    """The digest of what a comment says, its head and its status: 32 hexadecimal digits."""
    shown = (
        "" if status is None else "\n".join((status.state, status.context, status.description, status.target_url or ""))
    )
    return hashlib.sha256("\0".join((inert(body), head_sha, shown)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class CommentOutcome(StrEnum):
    """What `publish_comment` did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    """The pull request has a newer head; its comment is left to the run for that head."""
    LEFT_OUT = "left out"
    """There was no comment to update, and none was to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentText:
    """What a comment is to say, and the status that goes with it."""

    body: str
    """Markdown, at most `longest_body` characters. Names in it must be escaped already."""
    head_sha: str
    """The head that it speaks of."""
    status: CommitStatus | None = None
    """Set at the head before the comment is written."""
    head_branch: str | None = None
    """The branch of the head; GitLab needs it to set the status of a fork's commit."""
    only_update: bool = False
    """Write only where a comment is there already; the status is set all the same."""


@dataclass(frozen=True, slots=True)
class PublishedComment:
    """The comment as it is now."""

    id: int | None
    """None where there is no comment."""
    outcome: CommentOutcome


def longest_body(forge: Forge, marker: CommentMarker) -> int:
    """The characters that a body may have without its marker."""
    return forge.comment_limit - marker_length(marker)


async def publish_comment(forge: Forge, number: int, marker: CommentMarker, text: CommentText) -> PublishedComment:
    """Make the pull request's comment of this marker say the text, and set the status.

    Nothing is written for a head that is no longer the pull request's.

    Raises the errors of the port; ForgeTooLarge for a body that is too long, before anything is written.
    """
    written = _written(forge, marker, text)
    found = _marked(await forge.comments(number), marker)
    if len(found) == 1 and _same(found[0].body, written):
        return PublishedComment(found[0].id, CommentOutcome.UNCHANGED)
    own = await _own(forge, found)
    # A run that took longer must not replace what the run for a newer head wrote.
    if (await forge.pull_request(number)).head_sha != text.head_sha:
        return PublishedComment(own[0].id if own else None, CommentOutcome.OUTDATED)
    if text.status is not None:
        await forge.set_status(text.head_sha, text.status, ref=text.head_branch)
    kept = await _updated(forge, number, own, written)
    if kept is None and text.only_update:
        return PublishedComment(None, CommentOutcome.LEFT_OUT)
    if kept is None:
        return await _created(forge, number, marker, written)
    await _remove(forge, number, [each for each in own if each.id != kept.id])
    return kept


async def mark_outdated(forge: Forge, number: int, marker: CommentMarker, head_sha: str, note: str) -> bool:
    """Put a note above the comment, unless it speaks of this head or has a note; returns whether it was written.

    `note` is Markdown. The next `publish_comment` replaces it. The end of a comment that has no room left is cut.
    """
    for comment in await _own(forge, _marked(await forge.comments(number), marker)):
        found = marker.found_in(comment.body)
        if found is None or found.outdated or found.head_sha == head_sha:
            continue
        line = marker.line(found.head_sha, digest_of(found.rest, found.head_sha, None), outdated=True)
        body = inert(f"{line}\n{note}\n\n{found.rest}")[: forge.comment_limit]
        try:
            await forge.update_comment(number, comment.id, body)
        except (ForgeNotFound, ForgePermissionMissing):
            continue
        return True
    return False


def _written(forge: Forge, marker: CommentMarker, text: CommentText) -> str:
    body, longest = inert(text.body), longest_body(forge, marker)
    if len(body) > longest:
        raise ForgeTooLarge(f"a comment of {len(body):,} characters; {forge.kind.value} takes {longest:,}")
    return f"{marker.line(text.head_sha, digest_of(body, text.head_sha, text.status))}\n{body}"


def _marked(comments: Sequence[Comment], marker: CommentMarker) -> list[Comment]:
    return [each for each in comments if marker.found_in(each.body) is not None]


def _same(found: str, written: str) -> bool:
    """Whether both say the same; forges may change the ends of lines and of the text."""
    return found.replace("\r\n", "\n").rstrip() == written.rstrip()


async def _own(forge: Forge, found: Sequence[Comment]) -> list[Comment]:
    """Those of the comments that Penstock's account wrote, the oldest first."""
    if not found:
        return []
    login = await forge.login()
    if login is None:
        log.warning("forge.login_unknown", hint="the comment is written anew; let the token read its own account")
        return []
    return _by(login, found)


def _by(author: str, comments: Sequence[Comment]) -> list[Comment]:
    return [each for each in comments if each.author.lower() == author.lower()]


async def _updated(forge: Forge, number: int, own: Sequence[Comment], written: str) -> PublishedComment | None:
    """The first comment that could be made to say it; None when there is none, or each was deleted meanwhile."""
    for comment in own:
        if _same(comment.body, written):
            return PublishedComment(comment.id, CommentOutcome.UNCHANGED)
        try:
            await forge.update_comment(number, comment.id, written)
        except (ForgeNotFound, ForgePermissionMissing) as error:
            log.info("forge.comment_lost", number=number, comment=comment.id, error=error.code)
            continue
        return PublishedComment(comment.id, CommentOutcome.UPDATED)
    return None


async def _created(forge: Forge, number: int, marker: CommentMarker, written: str) -> PublishedComment:
    """Write a new comment, then look whether another run wrote one as well: the lowest id stays."""
    try:
        new = await forge.add_comment(number, written)
    except ForgeUnavailable as error:
        if not error.uncertain:
            raise
        # The comment may have been written although the answer was lost.
        own = await _own(forge, _marked(await forge.comments(number), marker))
        kept = await _updated(forge, number, own, written)
        if kept is None:
            raise
        await _remove(forge, number, [each for each in own if each.id != kept.id])
        return PublishedComment(kept.id, CommentOutcome.CREATED)
    own = _by(new.author, _marked(await forge.comments(number), marker))
    others = {each.id: each for each in (*own, new)}
    kept = await _updated(forge, number, [others[each] for each in sorted(others)], written)
    if kept is None:  # each of them was deleted since
        return PublishedComment(new.id, CommentOutcome.CREATED)
    await _remove(forge, number, [each for each in others.values() if each.id != kept.id])
    return PublishedComment(kept.id, CommentOutcome.CREATED if kept.id == new.id else CommentOutcome.UPDATED)


async def _remove(forge: Forge, number: int, comments: Sequence[Comment]) -> None:
    """Delete further comments of this marker; one that may not be deleted stays."""
    for comment in comments:
        try:
            await forge.delete_comment(number, comment.id)
        except ForgePermissionMissing as error:
            log.warning("forge.comment_left", number=number, comment=comment.id, error=error.message)
