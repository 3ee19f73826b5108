"""One flow as an Archy file describes it: its identity, its content, its references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference, ResourceReference
from controller.flows.canonical import digest
from controller.flows.flow_references import flow_references, narrowed
from controller.flows.loading import KeyPositions, YamlDocument, load_document
from controller.flows.resource_references import TELLING_KEYS, resource_references
from controller.flows.roots import ARCHY_ROOTS
from controller.flows.suggestion import did_you_mean
from controller.flows.walk import MERGING_KEYS, Place, walk
from controller.flows.yaml_events import mistake_at


@dataclass(frozen=True, slots=True)
class FlowFile:
    """A parsed flow file. It may contain substituted secrets: never log or store its document."""

    key: FlowKey
    root: str
    """The root key in Archy's spelling (`inboundCall`)."""
    description: str | None
    division: str | None
    """The name of the division; None for the organisation's default."""
    default_language: str | None
    document: Mapping[str, object] = field(repr=False)
    """The whole parsed YAML, root key included."""
    digest: str
    references: tuple[FlowReference, ...]
    """References to other flows, in document order, one for each place."""
    resources: tuple[ResourceReference, ...]
    places: tuple[Place, ...] = field(repr=False, compare=False)
    """The collections in the document, and the texts that may refer to something."""


def parse(text: str) -> FlowFile:
    """Read a rendered Archy file. Braces are text here: a message template may replace `{{1}}`.

    Raises FlowFileInvalid, with line and column, when it is not YAML or does not describe exactly one flow of a known
    type with a name.
    """
    document = load_document(text)
    root, flow = _only_flow(document)
    key = FlowKey(ARCHY_ROOTS[root], _name(document, root, flow))
    places = tuple(walk(root, flow, _told))
    return FlowFile(
        key=key,
        root=root,
        description=_text(document, root, flow, "description"),
        division=_text(document, root, flow, "division"),
        default_language=_text(document, root, flow, "defaultLanguage"),
        document={root: flow},
        digest=digest(document.value),
        references=narrowed(flow_references(places, key.type, document.begin_of), flow.get("referencedObjects")),
        resources=tuple(resource_references(places, KeyPositions(document).of, _languages(flow))),
        places=places,
    )


@lru_cache(maxsize=4096)
def _told(key: str) -> bool:
    """Whether a text below this key may be, or be the target of, a reference."""
    return key in TELLING_KEYS or key in MERGING_KEYS or key == "refId" or key.endswith("Ref")


def _only_flow(document: YamlDocument) -> tuple[str, Mapping[str, object]]:
    value = document.value
    if not isinstance(value, dict) or not value:
        what = "is empty" if value is None or value == {} else "does not begin with a flow type"
        raise FlowFileInvalid(f"the file {what}", hint="its first line names a flow type, such as 'inboundCall:'")
    for root in value:
        if root not in ARCHY_ROOTS:
            hint = did_you_mean(root, ARCHY_ROOTS) or f"known are {', '.join(ARCHY_ROOTS)}"
            raise _at(document, (root,), f"{root!r} is not a flow type that Archy knows", hint)
    if len(value) > 1:
        second = list(value)[1]
        raise _at(document, (second,), f"a second flow, {second!r}, begins here", "put each flow into its own file")
    root, flow = next(iter(value.items()))
    if not isinstance(flow, dict):
        raise _at(document, (root,), f"{root!r} has no settings below it", "give at least a name")
    return root, flow


def _name(document: YamlDocument, root: str, flow: Mapping[str, object]) -> str:
    if "name" not in flow:
        raise _at(document, (root,), "the flow has no name", f"add 'name:' below '{root}:'")
    name = flow["name"]
    if not isinstance(name, str) or not name.strip():
        raise _at(document, (root, "name"), "the flow's name must be text that is not empty", "put it in quotes")
    return name


def _text(document: YamlDocument, root: str, flow: Mapping[str, object], key: str) -> str | None:
    value = flow.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _at(document, (root, key), f"{key} must be text", "put it in quotes")


def _languages(flow: Mapping[str, object]) -> tuple[str, ...]:
    languages = flow.get("supportedLanguages")
    return tuple(languages) if isinstance(languages, dict) else ()


def _at(document: YamlDocument, path: tuple[str, ...], message: str, hint: str) -> FlowFileInvalid:
    return mistake_at(document.locate(path), message, hint)
