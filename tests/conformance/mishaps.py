"""What goes wrong at chosen calls: lost answers, gateways, storms, and people at the wrong time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    STATUS = "status"
    """Answered with `status` by a gateway; the organisation never sees the call."""
    LOST_BEFORE = "lost-before"
    """The connection breaks before anything happens."""
    LOST_AFTER = "lost-after"
    """It takes effect, and the answer is lost."""
    FAILED_AFTER = "failed-after"
    """It takes effect, and a gateway answers 502."""
    HTML = "html"
    """A page of a gateway with status 200; the organisation never sees the call."""
    TRUNCATED = "truncated"
    """It takes effect, and half of the answer comes."""
    EMPTY = "empty"
    """It takes effect, and nothing comes with the status."""
    DOUBLED = "doubled"
    """A gateway delivers the call twice; the second answer comes."""
    PERSON_BEFORE = "person-before"
    """A person publishes another version just before it."""
    PERSON_AFTER = "person-after"
    """A person publishes another version just after it."""
    CANCELLED = "cancelled"
    """An administrator cancels what runs on the flow, just before it."""


@dataclass(slots=True)
class Mishap:
    """Strikes the calls that fit: from the `nth` on, so many `times`."""

    kind: Kind
    method: str = ""
    path: str = ""
    """A regular expression that is searched for; empty fits everything."""
    nth: int = 1
    times: int = 1
    status: int = 503
    retry_after: str | None = None
    seen: int = 0
    struck: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Whether this call is hit; counts the calls that fit."""
        if self.method not in ("", method) or not re.search(self.path, path):
            return False
        self.seen += 1
        hit = self.seen >= self.nth and self.struck < self.times
        self.struck += hit
        return hit
