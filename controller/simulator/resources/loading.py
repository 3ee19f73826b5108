"""Reads resources from YAML or JSON, by kind, and adds them to an organisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.errors.process import SettingsInvalid
from controller.flows.loading import load_yaml
from controller.flows.suggestion import did_you_mean
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.resources.inventory import HOME, add, find, keep, resources_of
from controller.simulator.resources.kinds import KINDS, SimulatedKind
from controller.simulator.resources.parts import PROMPTS, prompt_languages, schema, table_schema

FROM_FLOWS = "from-flows"
"""In place of a file: what the flows of the organisation name."""
_HINT = "docs/reference/simulator.md shows such a file"
_PARENTS = ("category", "library")
_COLUMN_TYPES = ("string", "integer", "number", "boolean")
_OWN = frozenset({"name", "division", "columns", "rows", "languages", *_PARENTS})


@dataclass(frozen=True, slots=True)
class GivenResource:
    """One entry of a file."""

    kind: SimulatedKind
    name: str
    parent: str = ""
    division: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)
    parts: Mapping[str, dict[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GivenResources:
    kinds: tuple[SimulatedKind, ...]
    """The kinds that are named, also with an empty list: the organisation has no others of them."""
    entries: tuple[GivenResource, ...]


def parse_resources(value: object) -> GivenResources:
    """Resources from `{kind: [name or {name, …}]}`. Raises `SettingsInvalid`."""
    if not isinstance(value, dict):
        raise _invalid("they are no mapping from kinds to lists")
    kinds: list[SimulatedKind] = []
    entries: list[GivenResource] = []
    for name, listed in value.items():
        kind = KINDS.get(str(name))
        if kind is None:
            hint = did_you_mean(str(name), KINDS) or f"the kinds are {', '.join(KINDS)}"
            raise _invalid(f"{name!r} is no kind of resource", hint)
        if listed is not None and not isinstance(listed, list):
            raise _invalid(f"{name} must hold a list")
        kinds.append(kind)
        entries += [_entry(kind, one) for one in listed or ()]
    return GivenResources(tuple(kinds), tuple(entries))


def _entry(kind: SimulatedKind, value: object) -> GivenResource:
    given = {"name": value} if isinstance(value, str) else value
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(name, str) or not name.strip():
        raise _invalid(f"each {kind.name} must be a name, or a mapping with a name")
    parent = next((given[key] for key in _PARENTS if isinstance(given.get(key), str)), "") if kind.parent else ""
    if kind.parent and not parent:
        parent, found, rest = name.partition(" / ")
        parent, name = (parent, rest) if found else ("", name)
    if kind.name == "data-action" and not parent:
        raise _invalid(f"the data action {name!r} has no category", "write 'category / action', or give a category")
    fields = {str(key): item for key, item in given.items() if key not in _OWN}
    if "columns" in given:
        fields["schema"] = table_schema(_columns(name, given["columns"]))
    return GivenResource(kind, name, str(parent), str(given.get("division") or ""), fields, dict(_parts(kind, given)))


def _columns(table: str, value: object) -> dict[str, str]:
    """Columns from a list of names or a mapping from names to types."""
    columns = dict.fromkeys(map(str, value), "string") if isinstance(value, list) else value
    if not isinstance(columns, dict) or any(kind not in _COLUMN_TYPES for kind in columns.values()):
        raise _invalid(
            f"the columns of the data table {table!r} must be names, or map names to {', '.join(_COLUMN_TYPES)}"
        )
    return {str(name): str(kind) for name, kind in columns.items()}


def _parts(kind: SimulatedKind, given: Mapping[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    """The rows of a data table by key, or the resources of a prompt by language."""
    rows, languages = given.get("rows") or [], given.get("languages") or ["en-us"]
    if kind.name == "data-table" and isinstance(rows, list):
        for row in rows:
            if not isinstance(row, dict) or not isinstance(row.get("key"), str):
                raise _invalid(f"each row of the data table {given['name']!r} must be a mapping with a key")
            yield row["key"], {str(name): item for name, item in row.items()}
    if kind.name in PROMPTS and isinstance(languages, list):
        for language in languages:
            yield str(language).lower(), {"ttsString": str(given["name"])}


def read_resources(path: Path) -> GivenResources:
    """Resources from a YAML or JSON file. Raises `SettingsInvalid`."""
    try:
        return parse_resources(load_yaml(path.read_text(encoding="utf-8")) or {})
    except SettingsInvalid as error:
        raise SettingsInvalid(f"{path}: {error.message}", hint=error.hint) from error
    except FlowFileInvalid as error:
        message = f"{path}, line {error.line}, column {error.column}: {error.message}"
        raise SettingsInvalid(message, hint=error.hint) from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"the resources file {path} is not UTF-8", hint=_HINT) from error
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise SettingsInvalid(f"the resources file {path} cannot be read: {why}", hint=_HINT) from error


def load(organization: SimulatedOrganization, given: GivenResources, now: datetime) -> None:
    """Add resources, or change those that are there. Of each named kind the organisation has no others any more."""
    for entry in given.entries:
        if entry.kind.name == "division" and entry.name == HOME:
            continue
        resource = find(organization, entry.kind, f"{entry.parent} / {entry.name}" if entry.parent else entry.name)
        if resource is None:
            resource = add(organization, entry.kind, entry.name, now, parent=entry.parent)
        else:
            resource.changed_at = now
        resource.division = entry.division or resource.division
        resource.fields |= entry.fields
        resource.parts |= entry.parts
    organization.state.resources.complete |= {kind.name for kind in given.kinds}
    _complete_parents(organization, now)


def _complete_parents(organization: SimulatedOrganization, now: datetime) -> None:
    """Add the integrations of data actions and the libraries of responses that were given."""
    parents = {"data-action": KINDS["integration"], "response": KINDS["response-library"]}
    for resource in list(organization.state.resources.by_id.values()):
        kind = parents.get(resource.kind)
        if kind and resource.parent and find(organization, kind, resource.parent) is None:
            add(organization, kind, resource.parent, now)


def load_from_flows(organization: SimulatedOrganization) -> None:
    """Keep what the flows name, and have no others of these kinds from now on, but of system prompts."""
    resources = organization.state.resources
    for kind in KINDS.values():
        named = resources_of(organization, kind)
        for resource in named:
            if kind.name == "data-table":
                resource.fields["schema"] = schema(organization, resource)
            if kind.name in PROMPTS:
                resource.parts = prompt_languages(organization, resource)
            keep(organization, resource)
        if named and kind.name != "system-prompt":
            resources.complete.add(kind.name)


def _invalid(message: str, hint: str = _HINT) -> SettingsInvalid:
    return SettingsInvalid(f"the resources cannot be read: {message}", hint=hint)
