"""A plan that `plan --out` wrote. Its digests decide whether it is stale; the changes in it say why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.domain.errors import PlanStale, SettingsInvalid
from controller.planning.model import Plan
from controller.planning.rendering.document import PLAN_SCHEMA, plan_document

_SHOWN = 5
_MOST_BYTES = 256 * 1024**2
_TOLD = ("change", "from_version", "to_version", "blocked", "dependency_digest")
"""Two changes are the same when these fields are."""
_REFRESH = "make a new one with `penstock plan --out FILE`, look at it, and apply that"

Changes = Mapping[str, Mapping[str, object]]
"""The acting changes of one organisation by `flow`, with the fields that a plan's JSON has."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The plan of each organisation, as it was saved."""

    path: Path
    digests: Mapping[str, str]
    changes: Mapping[str, Changes]

    def require(self, organizations: Iterable[str]) -> None:
        """Raises PlanStale when the plan lacks an organisation that is to be delivered."""
        unknown = [name for name in organizations if name not in self.digests]
        if unknown:
            known = ", ".join(self.digests) or "no organisation"
            raise PlanStale(
                f"{self.path} holds no plan for {', '.join(unknown)}; it is for {known}",
                hint=f"choose with --organization, or {_REFRESH}",
            )

    def way_out(self, plan: Plan) -> str:
        """How the plan that is made now differs, and the next step."""
        moved = _moved(self.changes.get(plan.organization, {}), _acting(plan_document([plan]))[plan.organization])
        shown = moved[:_SHOWN] + ([f"and {len(moved) - _SHOWN} more"] if len(moved) > _SHOWN else [])
        since = "; ".join(shown) or "its changes are the same, but the policy or the state behind them is not"
        return f"since it was saved: {since}; {_REFRESH}"


def read_saved_plan(path: Path) -> SavedPlan:
    """Raises SettingsInvalid when the file is not a plan."""
    wrong = SettingsInvalid(
        f"{path} is not a plan of the form {PLAN_SCHEMA}", hint="write one with `penstock plan --out FILE`"
    )
    try:
        text = _text(path)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read: {error.strerror}", hint=wrong.hint) from error
    except ValueError as error:
        raise wrong from error
    try:
        document = json.loads(text)
        digests = {str(each["name"]): str(each["digest"]) for each in document["organizations"]}
        changes = _acting(document)
        schema = document["schema"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise wrong from error
    if schema != PLAN_SCHEMA:
        raise wrong
    return SavedPlan(path, digests, changes)


def _text(path: Path) -> str:
    """The file's text. Raises OSError, and ValueError for a file that is too long or not text."""
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("too long for a plan")
    return content.decode("utf-8")


def _acting(document: Mapping[str, object]) -> dict[str, Changes]:
    organizations = document["organizations"]
    if not isinstance(organizations, list):
        raise TypeError("organizations")
    return {
        str(each["name"]): {
            str(change["flow"]): {name: change[name] for name in _TOLD}
            for change in each["changes"]
            if change["change"] != "none"
        }
        for each in organizations
    }


def _moved(before: Changes, now: Changes) -> list[str]:
    return [words for flow in sorted({*before, *now}) if (words := _words(flow, before.get(flow), now.get(flow)))]


def _words(flow: str, before: Mapping[str, object] | None, now: Mapping[str, object] | None) -> str:
    if before is None or now is None:
        known = before or now or {}
        return f"{flow}: {known['change']} {'is new' if before is None else 'is no longer planned'}"
    if before["change"] != now["change"]:
        return f"{flow}: {now['change']} instead of {before['change']}"
    for name, what in (("from_version", "live"), ("to_version", "wanted")):
        if before[name] != now[name]:
            return f"{flow}: {now[name] or 'nothing'} is {what}, {before[name] or 'nothing'} was"
    if before["blocked"] != now["blocked"]:
        return f"{flow}: {'blocked now' if now['blocked'] else 'not blocked any more'}"
    return "" if before == now else f"{flow}: its content, or a flow that it consumes, changed"
