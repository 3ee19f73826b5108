"""Exports: Archy YAML with the meaning of the upload but not its text, and the JSON configuration.

Exports carry `trackingId`s and an index of referenced objects that no author wrote, as Genesys' own exports do.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from functools import lru_cache

import yaml

from controller.simulator.content import ROOTS, body, read
from controller.simulator.flow import SimulatedFlow, Version
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.resolution import resolve
from controller.simulator.resources.inventory import resource_id
from controller.simulator.state import JobItem, SimulatedJob

_DESCRIPTIVE = frozenset({"name", "description", "division", "defaultLanguage", "supportedLanguages"})


def export_yaml(version: Version) -> str:
    """The version as Archy YAML; the same bytes for every export of one version."""
    return _archy(version.text, version.number)


@lru_cache(maxsize=1024)
def _archy(text: str, number: int) -> str:
    # Numbers that differ between versions, as after a save in Architect: digests must not count them.
    tracking = iter(range(number * 1000 + 10, 10_000_000))
    document = {read(text).root: _tracked(body(text), tracking, inside_actions=False)}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def export_file(organization: SimulatedOrganization, item: JobItem) -> str:
    """One file of an export job."""
    flow = organization.state.flows[item.flow_id]
    version = organization.version(flow, item.version)
    if item.archy:
        return export_yaml(version)
    return json.dumps(configuration(organization, flow, version))


def export_zip(organization: SimulatedOrganization, job: SimulatedJob) -> bytes:
    """All files of an export job; the same bytes for the same versions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in job.items:
            # A ZipInfo of its own has a fixed date, so that the bytes do not depend on the time.
            archive.writestr(zipfile.ZipInfo(file_name(organization, item)), export_file(organization, item))
    return buffer.getvalue()


def file_name(organization: SimulatedOrganization, item: JobItem) -> str:
    """The name of an exported file: the requested one, or name, type and version without special characters."""
    flow = organization.state.flows[item.flow_id]
    suffix = "yaml" if item.archy else "i3Flow"
    name = item.file_name or f"{flow.name}_{flow.type}_v{item.version.replace('.', '-')}"
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name) + f".{suffix}"


def configuration(organization: SimulatedOrganization, flow: SimulatedFlow, version: Version) -> dict[str, object]:
    """The JSON definition of one version. Its `manifest` groups referenced objects by kind, with ids."""
    content = body(version.text)
    flow_file = read(version.text)
    return {
        "id": flow.id,
        "name": flow_file.key.name,
        "description": flow_file.description or "",
        "type": flow.type,
        "version": version.id,
        "defaultLanguage": flow_file.default_language or "en-us",
        "nextTrackingNumber": version.number * 1000 + 10,
        "flowSequenceItemList": [{key: value} for key, value in content.items() if key not in _DESCRIPTIVE],
        "manifest": manifest(organization, version),
    }


def manifest(organization: SimulatedOrganization, version: Version) -> dict[str, list[dict[str, str]]]:
    """References by kind (`commonModuleFlow`, `queue`, ...) as `{id, name}`, each once; missing flows have no id."""
    groups: dict[str, dict[str, dict[str, str]]] = {}
    for resolved in resolve(organization, version.text):
        if resolved.flow:
            entry = {"id": resolved.flow.id, "name": resolved.flow.name}
            groups.setdefault(manifest_group(resolved.flow.type), {})[resolved.flow.id] = entry
    for resource in read(version.text).resources:
        kind = _camel(resource.kind)
        entry = {"id": resource_id(organization, resource.kind, resource.name), "name": resource.name}
        groups.setdefault(kind, {})[entry["id"]] = entry
    return {kind: list(entries.values()) for kind, entries in groups.items()}


def manifest_group(flow_type: str) -> str:
    """`inboundCallFlow` for `inboundcall`. A workflow is a `workflow`, as in dependency tracking."""
    root = ROOTS.get(flow_type, flow_type)
    return root if root.lower().endswith("flow") else f"{root}Flow"


def _camel(kind: str) -> str:
    first, *rest = kind.split("-")
    return first + "".join(part.capitalize() for part in rest)


def _tracked(value: object, tracking: Iterator[int], *, inside_actions: bool) -> object:
    """A copy with a `trackingId` in every action."""
    if isinstance(value, Mapping):
        return {
            key: _tracked(item, tracking, inside_actions=str(key).lower().endswith("actions"))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _action(item, tracking) if inside_actions else _tracked(item, tracking, inside_actions=False)
            for item in value
        ]
    return value


def _action(value: object, tracking: Iterator[int]) -> object:
    if not isinstance(value, Mapping):
        return value
    number = next(tracking)
    copy: dict[object, object] = {}
    for kind, settings in value.items():
        inner = _tracked(settings, tracking, inside_actions=False)
        copy[kind] = {"trackingId": number, **inner} if isinstance(inner, dict) and inner else inner
    return copy


class _Dumper(yaml.SafeDumper):
    """Archy's YAML style: indented lists, no aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class decides the parameters
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, False)  # noqa: FBT003
