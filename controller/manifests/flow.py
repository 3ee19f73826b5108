"""The shape of the kind `Flow`: what should be live, and how to get there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictStr, model_validator

from controller.domain.identity import FlowType
from controller.manifests.fields import PATH_SEGMENT, Slug, Switch, Text, mistaken
from controller.manifests.gates import GateShape, RolloutShape
from controller.manifests.shape import Choice, Shape
from controller.manifests.substitutions import SubstitutionValue
from controller.manifests.wording import quoted


def _path_segment(flow_id: str) -> str:
    if not PATH_SEGMENT.fullmatch(flow_id):
        raise mistaken("must be an id as the organisation tells it, without blanks and slashes")
    return flow_id


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise mistaken(f"must name each flow once; it repeats {', '.join(map(quoted, twice))}")
    return names


class SourceShape(Choice):
    """Where the flow's content comes from: a flow file, or a version that the organisation already has."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["version", "substitutions"]}})
    choices: ClassVar[tuple[str, ...]] = ("file", "version")

    file: Text | None = None
    """An Archy YAML file of the repository, relative to this manifest."""
    version: Text | None = None
    """A version of the flow that exists in the organisation, such as "13.0"; with api: versioned also its id."""
    substitutions: Mapping[str, SubstitutionValue] = Field(default_factory=dict)
    """Values for `{{name}}` in the flow file."""

    @model_validator(mode="after")
    def _substituted_file(self) -> Self:
        if self.version is not None and "substitutions" in self.model_fields_set:
            raise mistaken("must not hold substitutions beside version", "an existing version cannot be changed")
        return self


def _pinned_needs_identity(schema: dict[str, Any]) -> None:
    schema["if"] = {"properties": {"source": {"required": ["version"]}}}
    schema["then"] = {"required": ["name"]}


class FlowSpec(Shape):
    """What is wanted of a flow."""

    model_config = ConfigDict(json_schema_extra=_pinned_needs_identity)

    type: FlowType | None = None
    """The flow's type; told by the flow file, needed for a pinned version unless the organisation is api: versioned."""
    name: Text | None = None
    """The flow's name in the organisation; told by the flow file, needed for a pinned version."""
    id: Annotated[Text, AfterValidator(_path_segment)] | None = None
    """The flow's id in the organisation (api: versioned): it is this flow, whatever others carry its name."""
    source: SourceShape
    """Where the content comes from."""
    depends_on: Annotated[tuple[Slug, ...], AfterValidator(_distinct)] = ()
    """The `metadata.name` of flows that must be deployed first; only what the content cannot show."""
    rollout: RolloutShape = Field(default_factory=RolloutShape)
    """How a new version is brought in."""
    gates: tuple[GateShape, ...] = ()
    """What a new version must pass; without gates it counts as good when it is live."""
    rollback: Literal["automatic", "manual"] = "automatic"
    """Whether a failed gate brings the previous version back by itself."""
    suspend: Switch = False
    """Whether the flow is left alone."""
    renamed_from: Text | None = None
    """The name that the flow had: makes a change of name a rename, and not a second flow."""
    release_version: Text | None = None
    """The release that a publish of the flow names, such as "2.4.1"; the commit when left out."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.source.version is not None and self.name is None:
            raise mistaken("must hold name, because a pinned version does not tell")
        if self.renamed_from is not None and self.renamed_from == self.name:
            raise mistaken("has the same name in renamedFrom as in name", "renamedFrom is the name before the change")
        return self


class FlowMetadata(Shape):
    """What the manifest is called, and its labels."""

    name: Slug
    """How plans, commands and other manifests name the flow; unique within an organisation."""
    labels: Mapping[str, StrictStr] = Field(default_factory=dict)
    """Text for people and other programs; Penstock only keeps it."""


class FlowShape(Shape):
    """One flow of the organisations that own or include this manifest."""

    api_version: Literal["penstock/v1"] = Field(description="The version of this format.")
    kind: Literal["Flow"] = Field(description="What this document describes.")
    metadata: FlowMetadata
    """What the manifest is called."""
    spec: FlowSpec
    """What is wanted of the flow."""
