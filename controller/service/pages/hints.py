"""Words hints for people who look at a page: what they can do there, in place of commands and their options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from controller.planning.model import Blocked, HeldBack
from controller.planning.rendering.document_model import ChangeDocument, PlanDocument

_ON_PAGES: Final[Sequence[tuple[re.Pattern[str], str]]] = (
    (re.compile(r"look at the plan, then pass --approve \S+"), "look at the plan, then approve it"),
    (re.compile(r"pass --confirm-prune, approve just this plan, or"), "approve just this plan, or"),
    (re.compile(r",? or pass --retry(?: to let it stay)?"), ", or let it be tried again on the flow's page"),
    (
        re.compile(r"change it in git, or let it be tried again: `penstock retry`"),
        "change it in git, or let it be tried again",
    ),
    (re.compile(r"look at the plan before you force it"), "look at the plan, and at `safety` in the manifest"),
    (re.compile(r",? or pass --(?:force|ignore-windows|allow-dirty|allow-unpushed)(?: in an emergency)?"), ""),
    (re.compile(r"`penstock accept [^`]*` lets it stay"), "“Accept the version” on the flow's page lets it stay"),
    (re.compile(r"`penstock rollback [^`]*` takes it back"), "“Roll back” takes it back"),
    (re.compile(r"`?penstock rollback(?: [^`;,]*)?`?"), "“Roll back” on the flow's page"),
    (re.compile(r"`penstock resume[^`]*` lets deliveries"), "“Resume” lets deliveries"),
    (re.compile(r"`penstock retry[^`]*`"), "“Try again” on the flow's page"),
    (re.compile(r"`penstock accept[^`]*`"), "“Accept the version” on the flow's page"),
    (re.compile(r"`penstock plan` shows"), "the plan shows"),
    (re.compile(r"`penstock status` shows"), "the organisation's page shows"),
    (re.compile(r"copy it whole from `penstock plan`"), "take the one of the page of the plan"),
    (re.compile(r"`penstock apply`"), "a delivery"),
    (re.compile(r"GET /api/v1/\S*"), ""),
)
_COMMAND: Final = re.compile(r"(?:^|[\s`(])--[a-z]|penstock [a-z]+|PENSTOCK_[A-Z]")
"""What only a command line or the operator's settings know."""


def on_page(text: str) -> str:
    """The text with what a page offers in place of commands; a clause about another command or option goes."""
    for pattern, words in _ON_PAGES:
        text = pattern.sub(words, text)
    return "; ".join(clause for clause in text.split("; ") if clause.strip() and not _COMMAND.search(clause))


def plan_on_page(document: PlanDocument) -> PlanDocument:
    """The plan, with its refusals and blocks in words of a page."""
    organizations = [
        replace(each, held_back=list(map(_refusal, each.held_back)), changes=list(map(_change, each.changes)))
        for each in document.organizations
    ]
    return replace(document, organizations=organizations)


def _refusal(refusal: HeldBack) -> HeldBack:
    return replace(refusal, message=on_page(refusal.message), hint=on_page(refusal.hint or "") or None)


def _change(change: ChangeDocument) -> ChangeDocument:
    blocked = change.blocked
    if blocked is None:
        return change
    return replace(change, blocked=Blocked(blocked.code, on_page(blocked.message)))
