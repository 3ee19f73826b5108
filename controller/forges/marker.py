"""The hidden first line of Penstock's comments: what the comment is for, and what it says."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote

from controller.domain.errors import SettingsInvalid
from controller.forges.port import CommitStatus
from controller.forges.text import inert

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
