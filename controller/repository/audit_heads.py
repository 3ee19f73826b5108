"""Reads the heads of the audit chain from the trailers of record commits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from controller.repository.artifacts import AUDIT_TRAILER, ORGANIZATION_TRAILER
from controller.repository.command import GitCommand

_FORM: Final = (
    f"--format=%H %cI %(trailers:key={AUDIT_TRAILER},valueonly,separator=%x2C)"
    f" %(trailers:key={ORGANIZATION_TRAILER},valueonly,separator=%x2C)"
)
_LINE: Final = re.compile(r"(?P<sha>\S+) (?P<at>\S+) (?P<position>[0-9]{1,18}) (?P<digest>[0-9a-f]{64}) (?P<name>.+)")


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The head of an organisation's chain, as a record commit tells it."""

    sha: str
    at: str
    """When it was committed, ISO 8601."""
    organization: str
    position: int
    digest: str


def audit_heads(git: GitCommand, tip: str) -> Iterator[AuditHead]:
    """The heads in the history of a commit, newest commit first."""
    words = ("log", "--no-show-signature", f"--grep=^{AUDIT_TRAILER}: ", _FORM, "--end-of-options", tip, "--")
    for line in git.text(*words).splitlines():
        found = _LINE.fullmatch(line)
        if found is not None:
            yield AuditHead(found["sha"], found["at"], found["name"], int(found["position"]), found["digest"])
