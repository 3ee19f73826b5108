"""Writes the manifest of a flow that exists already, and finds it a name that is free."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping

import yaml

from controller.domain.desired import PinnedVersion
from controller.domain.identity import UNTYPED, FlowKey
from controller.manifests.shape import API_VERSION

_LONGEST = 63
_APART = re.compile(r"[^a-z0-9]+")


def free_name(key: FlowKey, taken: Container[str]) -> str:
    """A `metadata.name` for a flow: its own name in the letters that are allowed, then with its type, then numbered."""
    plain = unicodedata.normalize("NFKD", key.name).encode("ascii", "ignore").decode().lower()
    name = _APART.sub("-", plain).strip("-") or key.type
    for candidate in (name, f"{name}-{key.type}"):
        if (short := candidate[:_LONGEST].rstrip("-")) not in taken:
            return short
    number = 2
    while (numbered := f"{name[: _LONGEST - 8].rstrip('-')}-{number}") in taken:
        number += 1
    return numbered


def flow_manifest(
    name: str, key: FlowKey, source: PinnedVersion | str, substitutions: Mapping[str, str] | None = None
) -> str:
    """The `Flow` manifest as YAML; the source is a version, or a flow file relative to the manifest."""
    written: dict[str, object] = {"file": source} if isinstance(source, str) else {"version": source.version}
    spec = {
        **({"type": key.type} if key.type != UNTYPED else {}),
        "name": key.name,
        "source": {**written, "substitutions": dict(substitutions)} if substitutions else written,
    }
    document = {"apiVersion": API_VERSION, "kind": "Flow", "metadata": {"name": name}, "spec": spec}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
