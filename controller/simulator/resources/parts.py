"""The schema of a data table and the languages of a prompt, also of those that only flows name."""

from __future__ import annotations

from collections.abc import Mapping

from controller.simulator.organization import SimulatedOrganization
from controller.simulator.resources.inventory import find, needs_of
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.resource import SimulatedResource

PROMPTS = ("user-prompt", "system-prompt")
"""Kinds with a resource for each language."""


def schema(organization: SimulatedOrganization, table: SimulatedResource) -> dict[str, object]:
    """The JSON schema of a data table. A table that only flows name has the columns that they read, as texts."""
    given = table.fields.get("schema")
    if isinstance(given, dict):
        return given
    read: set[str] = set()
    for flow in organization.flows():
        for needed in needs_of(flow):
            read |= needed.columns.get(table.name, frozenset())
    return table_schema(dict.fromkeys(sorted(read), "string"))


def table_schema(columns: Mapping[str, str]) -> dict[str, object]:
    """The JSON schema of a data table with these columns and their types, and the key, as Genesys writes it."""
    properties: dict[str, object] = {
        "key": {"$id": "/properties/key", "type": "string", "title": "Key", "displayOrder": 0}
    }
    for number, (name, kind) in enumerate(columns.items(), start=1):
        properties[name] = {"$id": f"/properties/{name}", "type": kind, "title": name, "displayOrder": number}
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "object",
        "required": ["key"],
        "properties": properties,
        "additionalProperties": False,
    }


def prompt_languages(organization: SimulatedOrganization, prompt: SimulatedResource) -> dict[str, dict[str, object]]:
    """The resources of a prompt by language. One that only flows name speaks their languages."""
    kind = KINDS[prompt.kind]
    if find(organization, kind, prompt.key) is not None or prompt.kind != "user-prompt":
        return prompt.parts or ({} if prompt.kind == "user-prompt" else {"en-us": {"ttsString": prompt.name}})
    spoken: set[str] = set()
    for flow in organization.flows():
        for needed in needs_of(flow):
            if (prompt.kind, prompt.key) in needed.resources:
                spoken |= needed.languages
    return {language: {"ttsString": prompt.name} for language in sorted(spoken)}
