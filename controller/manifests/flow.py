"""The shape of the kind `Flow`: what should be live, and how to get there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import AfterValidator, ConfigDict, Field, StrictInt, StrictStr, model_validator

from controller.domain.desired import (
    ErrorRateGate,
    ExecutionGate,
    Gate,
    HttpGate,
    OnNoData,
    PinnedVersion,
    Rollout,
    Stage,
)
from controller.domain.identity import UNTYPED, FlowKey, FlowType
from controller.manifests.fields import (
    PATH_SEGMENT,
    Duration,
    Percent,
    PositiveCount,
    PositiveDuration,
    Slug,
    Switch,
    Text,
    Url,
    mistaken,
    written,
)
from controller.manifests.shape import API_VERSION, Choice, Shape
from controller.manifests.substitutions import SubstitutionValue
from controller.manifests.wording import quoted

_HTTP = HttpGate(url="")
_EXECUTION = ExecutionGate()


_LONGEST_PATH = 500
_REGULAR = ("=~", "match", "search")


def _json_path(value: str) -> str:
    """The expression, where its work grows with the answer and not faster; it is judged before it is compiled."""
    import jsonpath  # takes long, and few manifests hold an expression
    from jsonpath.token import TOKEN_DDOT, TOKEN_FUNCTION, TOKEN_RE, TOKEN_RE_PATTERN

    if len(value) > _LONGEST_PATH:
        raise mistaken(f"must not be longer than {_LONGEST_PATH} characters")
    try:
        tokens = list(jsonpath.JSONPathEnvironment().lexer.tokenize(value))
        called = {token.value for token in tokens if token.kind == TOKEN_FUNCTION}
        if any(token.kind in (TOKEN_RE, TOKEN_RE_PATTERN) for token in tokens) or not called.isdisjoint(_REGULAR):
            raise mistaken(
                f"must not use regular expressions ({', '.join(_REGULAR)})",
                "the probe can do that and answer with a plain value",
            )
        if sum(token.kind == TOKEN_DDOT for token in tokens) > 1:
            raise mistaken("must not look for descendants (..) more than once", "name the keys on the way")
        jsonpath.compile(value)
    except (jsonpath.JSONPathError, RecursionError) as error:
        raise mistaken("must be a JSONPath expression such as $.status") from error
    return value


class ErrorRateShape(Shape):
    """Watches the share of failed executions of the new version."""

    window: PositiveDuration
    """How far back executions are counted, though not before the version went live; `wait` waits as long again."""
    minimum_samples: PositiveCount
    """Fewer executions than this decide nothing: `onNoData` does."""
    max: Percent
    """The highest share of failed executions that passes; with a baseline, the highest increase."""
    on_no_data: OnNoData = OnNoData.WAIT
    """What too few executions mean.

    `wait` for another window and then pause until a person or enough executions decide, `pass`, `fail`, or `probe`:
    launch the flow once.
    """
    baseline: Literal["previous"] | None = None
    """Compare with the version that was live before instead of with zero."""

    def value(self) -> ErrorRateGate:
        return ErrorRateGate(
            window_s=self.window,
            minimum_samples=self.minimum_samples,
            max_rate=self.max / 100,
            on_no_data=self.on_no_data,
            baseline=self.baseline is not None,
        )


class HttpShape(Shape):
    """Asks a URL and checks the answer."""

    url: Url
    """The URL to fetch with GET, without credentials."""
    status: Annotated[StrictInt, Field(ge=100, le=599)] = _HTTP.status
    """The HTTP status that passes."""
    json_path: Annotated[StrictStr, AfterValidator(_json_path)] | None = None
    """A JSONPath into the answer's body; it must find something.

    Regular expressions (`=~`, `match`, `search`) and more than one `..` are mistakes: their work cannot be bounded.
    """
    equals: Any = None
    """What `jsonPath` must find."""
    timeout: PositiveDuration = Field(default=written(_HTTP.timeout_s), validate_default=True)
    """How long the answer may take."""

    @model_validator(mode="after")
    def _path_for_value(self) -> Self:
        if "equals" in self.model_fields_set and self.json_path is None:
            raise mistaken("needs jsonPath together with equals", "jsonPath selects the value to compare")
        return self

    def value(self) -> HttpGate:
        return HttpGate(self.url, self.status, self.json_path, self.equals, self.timeout)


class ExecutionShape(Shape):
    """Launches the flow once and expects it to end without error."""

    inputs: Mapping[str, Any] = Field(default_factory=dict)
    """The input variables of the execution."""
    timeout: PositiveDuration = Field(default=written(_EXECUTION.timeout_s), validate_default=True)
    """How long the execution may take."""

    def value(self) -> ExecutionGate:
        return ExecutionGate(dict(self.inputs), self.timeout)


class GateShape(Choice):
    """One gate: exactly one of its keys."""

    choices: ClassVar[tuple[str, ...]] = ("errorRate", "http", "execution")

    error_rate: ErrorRateShape | None = None
    """Watches the share of failed executions."""
    http: HttpShape | None = None
    """Asks a URL."""
    execution: ExecutionShape | None = None
    """Launches the flow once."""

    def value(self) -> Gate:
        shape = self.error_rate or self.http or self.execution
        if shape is None:
            raise AssertionError("the validator lets no gate without a kind through")
        return shape.value()


class StageShape(Shape):
    """One step of a staged rollout."""

    percentage: Annotated[StrictInt, Field(ge=1, le=100)]
    """The share of interactions that get the new version."""
    duration: Duration
    """How long the stage lasts, at least, while the gates watch."""


def _rising(stages: tuple[StageShape, ...]) -> tuple[StageShape, ...]:
    percentages = [stage.percentage for stage in stages]
    if any(later <= earlier for earlier, later in pairwise(percentages)):
        raise mistaken(f"must rise from stage to stage, and not go {', '.join(map(str, percentages))}")
    if percentages and percentages[-1] != 100:
        raise mistaken(f"must end with percentage 100, and not {percentages[-1]}", "add a last stage of 100")
    return stages


class RolloutShape(Shape):
    """How a new version is brought in."""

    bake: Duration = Field(default=written(Rollout().bake_s), validate_default=True)
    """How long the new version is watched by its gates before what depends on it goes on."""
    stages: Annotated[tuple[StageShape, ...], AfterValidator(_rising)] = ()
    """Rising percentages, the last 100; only where the dialect can split traffic (`api: versioned`)."""
    timeout: PositiveDuration | None = None
    """How long a publish may take, beyond its stages, before its result counts as undetermined; by default \
the operator's limit."""

    def value(self) -> Rollout:
        stages = tuple(Stage(stage.percentage, stage.duration) for stage in self.stages)
        return Rollout(self.bake, stages, self.timeout)


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
    """The desired state of a flow."""

    model_config = ConfigDict(json_schema_extra=_pinned_needs_identity)

    type: FlowType | None = None
    """The flow's type; told by the flow file, needed for a pinned version unless the organisation is api: versioned."""
    name: Text | None = None
    """The flow's name in the organisation; told by the flow file, needed for a pinned version."""
    id: Annotated[Text, AfterValidator(_path_segment)] | None = None
    """The flow's id in the organisation (api: versioned): it identifies this flow, also when others have its name."""
    source: SourceShape
    """Where the content comes from."""
    depends_on: Annotated[tuple[Slug, ...], AfterValidator(_distinct)] = ()
    """The `metadata.name` of flows that must be deployed first; only what the content cannot show."""
    rollout: RolloutShape = Field(default_factory=RolloutShape)
    """How a new version is brought in."""
    gates: tuple[GateShape, ...] = ()
    """What a new version must pass; without gates it counts as good when it is live."""
    rollback: Literal["automatic", "manual"] = "automatic"
    """Whether a failed gate brings the previous version back automatically."""
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
    """The desired state of the flow."""


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
