"""Interprets the free-form step types of the versioned dialect: scopes, decisions, possible writers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from controller.diagnosis.model import ScopeKind

_SCOPES = {
    "": ScopeKind.FLOW,
    "flow": ScopeKind.FLOW,
    "execution": ScopeKind.FLOW,
    "module": ScopeKind.MODULE,
    "commonmodule": ScopeKind.MODULE,
    "subflow": ScopeKind.MODULE,
    "bot": ScopeKind.BOT,
    "botflow": ScopeKind.BOT,
    "task": ScopeKind.TASK,
    "scope": ScopeKind.TASK,
    "state": ScopeKind.STATE,
    "loop": ScopeKind.LOOP,
}
_NOUN = "|".join(sorted(filter(None, _SCOPES), key=len, reverse=True))
_OPEN, _CLOSE = "started|start|begin|enter", "ended|end|exit|leave|return|finish"
_OPENS = re.compile(rf"(?:{_OPEN})({_NOUN})?$|({_NOUN})(?:{_OPEN})$")
_CLOSES = re.compile(rf"(?:{_CLOSE})({_NOUN})?$|({_NOUN})(?:{_CLOSE})$")
_DECIDES = re.compile(r"decision|switch|condition|choice|branch|evaluateschedule")
WRITERS = frozenset(
    {
        "askforintent", "askforslot", "assign", "assignment", "callaction", "callbotflow", "callcommonmodule",
        "calldata", "callmodule", "collect", "collectinput", "createvariable", "dataaction", "datatablelookup",
        "findqueue", "findskill", "finduser", "getparticipantdata", "input", "loop", "nextloop", "script", "setdata",
        "setvariable", "setvariables", "transform", "updatedata", "updatevariable",
    }
)  # fmt: skip
"""Types that set variables without listing them, in lower-case letters and without the prefix `action`."""


@dataclass(frozen=True, slots=True)
class TypeMeaning:
    opens: ScopeKind | None = None
    closes: ScopeKind | None = None
    decision: bool = False
    may_write: bool = False


def meaning_of(step_type: str) -> TypeMeaning:
    """The meaning of a step type, regardless of case, dashes, underscores and the prefix `action`."""
    letters = re.sub(r"[^a-z]", "", step_type.lower())
    letters = letters.removeprefix("action") or letters
    if opening := _OPENS.match(letters):
        return TypeMeaning(opens=_SCOPES[opening[1] or opening[2] or ""])
    if closing := _CLOSES.match(letters):
        return TypeMeaning(closes=_SCOPES[closing[1] or closing[2] or ""])
    if _DECIDES.search(letters):
        return TypeMeaning(decision=True)
    return TypeMeaning(may_write=letters in WRITERS)
