"""What a version holds: its Archy YAML, read once."""

from __future__ import annotations

from functools import lru_cache

from controller.domain.identity import FlowKey
from controller.flows import ARCHY_ROOTS, FlowFile, parse

ROOTS = {api_type: root for root, api_type in ARCHY_ROOTS.items()}
"""Archy's root key for each type of the API."""


@lru_cache(maxsize=8192)
def read(text: str) -> FlowFile:
    """The flow file in this text. Raises `FlowFileInvalid` when it is none."""
    return parse(text)


def body(text: str) -> dict[str, object]:
    """What stands under the root key."""
    flow_file = read(text)
    inner = flow_file.document[flow_file.root]
    return dict(inner) if isinstance(inner, dict) else {}


def empty(key: FlowKey) -> str:
    """The source of a flow that was created without any content, as stubs are."""
    name = key.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'{ROOTS.get(key.type, key.type)}:\n  name: "{name}"\n  defaultLanguage: en-us\n'
