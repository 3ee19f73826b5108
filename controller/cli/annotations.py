"""Findings at their place in the repository, for a forge to show beside the line.

GitHub reads workflow commands from the log, GitLab a Code Quality report. Both take paths from the top of the
repository. Names and messages of others cannot end a command or begin another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from controller.domain.desired import Organization, Origin, SourceFile
from controller.domain.documents import json_text
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import SafetyLimit
from controller.domain.errors.manifest import Mistake
from controller.domain.redaction import SECRETS
from controller.domain.visible import visible
from controller.planning.model import Change, Plan, Unplanned
from controller.planning.resources import MISSING_RESOURCE, WAY_OUT, missing_words


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


_SEVERITIES = {Level.ERROR: "major", Level.WARNING: "minor", Level.NOTICE: "info"}
"""Those of Code Quality; `critical` and `blocker` are left to scanners."""
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


@dataclass(frozen=True, slots=True)
class Annotation:
    """One finding."""

    level: Level
    origin: Origin
    code: str
    """The kind of finding: a heading of docs/reference/errors.md, `warning` or `unused-file`."""
    message: str
    """For people, masked; lines are separated by `\\n`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    begin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Location:
    path: str
    lines: _Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _CodeQualityIssue:
    """The fields that GitLab requires: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format."""

    description: str
    check_name: str
    fingerprint: str
    severity: str
    location: _Location


def annotation(level: Level, origin: Origin, code: str, message: str, hint: str | None = None) -> Annotation:
    """A finding with the next step, masked and with nothing invisible in it."""
    lines = SECRETS.text(message).split("\n") + ([f"what to do: {SECRETS.text(hint)}"] if hint else [])
    return Annotation(level, origin, code, "\n".join(map(visible, lines)))


def of_mistakes(level: Level, mistakes: Iterable[Mistake]) -> list[Annotation]:
    """Each mistake at its place."""
    return [annotation(level, each.origin, each.code, each.message, each.hint) for each in mistakes]


def of_unused(files: Iterable[str]) -> list[Annotation]:
    """Each flow file that no manifest uses."""
    return [annotation(Level.NOTICE, Origin(each), "unused-file", "no manifest uses this flow file") for each in files]


def of_plans(plans: Iterable[Plan], organizations: Mapping[str, Organization]) -> list[Annotation]:
    """The blocks, warnings and refusals of plans, each at the manifest of its flow, else at its organisation's.

    They are errors where a commit has to mend something, and warnings where the plan only waits.
    """
    return [each for plan in plans for each in _of_plan(plan, organizations[plan.organization])]


def of_failure(error: PenstockError, organization: Organization) -> Annotation:
    """The reason why an organisation has no plan, at its manifest."""
    return annotation(Level.ERROR, organization.origin, error.code, f"{organization.name}: {error.message}", error.hint)


def of_unplanned(each: Unplanned, organization: Organization) -> Annotation:
    """The reason why a branch has no plan for an organisation, at its manifest."""
    return annotation(Level.NOTICE, organization.origin, "not-planned", f"{each.organization}: {each.reason}")


def github_commands(annotations: Iterable[Annotation]) -> str:
    """Workflow commands, one a line, escaped as the runner reads them."""
    return "".join(f"{_command(each)}\n" for each in annotations)


def gitlab_report(annotations: Iterable[Annotation]) -> str:
    """A Code Quality report. A fingerprint stays the same when lines move; equal findings of a file are numbered."""
    seen: dict[tuple[str, str, str], int] = {}
    issues = []
    for each in annotations:
        key = (each.origin.file, each.code, each.message)
        seen[key] = seen.get(key, 0) + 1
        issues.append(
            _CodeQualityIssue(
                description=each.message,
                check_name=each.code,
                fingerprint=hashlib.sha256("\0".join((*key, str(seen[key]))).encode("utf-8", "replace")).hexdigest(),
                severity=_SEVERITIES[each.level],
                location=_Location(path=each.origin.file, lines=_Lines(begin=each.origin.line)),
            )
        )
    return json_text(issues, ascii_only=True) + "\n"


FORGE_FORMATS = {"github": github_commands, "gitlab": gitlab_report}
"""By the word after `--format`."""


def _of_plan(plan: Plan, organization: Organization) -> Iterator[Annotation]:
    origins = {flow.id: flow.origin for flow in organization.flows}

    def at(flow: str | None) -> Origin:
        return origins.get(flow or "", organization.origin)

    for refusal in plan.held_back if plan.view is None else plan.view.held_back:
        level = Level.ERROR if refusal.code == SafetyLimit.code else Level.WARNING
        yield annotation(level, at(refusal.flow), refusal.code, refusal.message, refusal.hint)
    for change in plan.shown:
        lacking = list(_of_missing(change))
        yield from lacking
        if change.blocked is not None and not (lacking and change.blocked.code == MISSING_RESOURCE):
            level = Level.WARNING if change.blocked.waits else Level.ERROR
            words = f"{change.flow} is blocked: {change.blocked.message}"
            yield annotation(level, at(change.flow), change.blocked.code, words)
        for warning in change.warnings:
            yield annotation(Level.WARNING, at(change.flow), "warning", f"{change.flow}: {warning}")
    for warning in plan.warnings:
        yield annotation(Level.WARNING, organization.origin, "warning", f"{organization.name}: {warning}")


def _of_missing(change: Change) -> Iterator[Annotation]:
    """Each resource that the organisation lacks, where the flow file names it."""
    source = change.desired.source if change.desired is not None else None
    blocks = change.blocked is not None and change.blocked.code == MISSING_RESOURCE
    for each in change.missing:
        if isinstance(source, SourceFile) and each.reference.position is not None:
            origin = Origin(source.file, *each.reference.position)
            words = f"{change.flow} needs {missing_words(each)}, which the organisation does not have, or does not show"
            yield annotation(Level.ERROR if blocks else Level.WARNING, origin, MISSING_RESOURCE, words, WAY_OUT)


def _command(each: Annotation) -> str:
    origin = each.origin
    place = {"title": each.code, "file": visible(origin.file), "line": str(origin.line), "col": str(origin.column)}
    properties = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in place.items())
    return f"::{each.level.value} {properties}::{each.message.translate(_DATA)}"
