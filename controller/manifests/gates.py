"""The shapes of gates and stages: how a new version is watched before it counts as good."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StrictInt, StrictStr, model_validator

from controller.domain.desired import ErrorRateGate, ExecutionGate, Gate, HttpGate, OnNoData, Rollout, Stage
from controller.manifests.fields import Duration, Percent, PositiveCount, PositiveDuration, Url, mistaken, written
from controller.manifests.shape import Choice, Shape

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
    """What is fetched with GET, without credentials."""
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
            raise mistaken("needs jsonPath beside equals", "jsonPath says where the value stands")
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
    """How long a publish may take, beyond its stages, before what becomes of it counts as not known yet; by default \
the operator's limit."""

    def value(self) -> Rollout:
        stages = tuple(Stage(stage.percentage, stage.duration) for stage in self.stages)
        return Rollout(self.bake, stages, self.timeout)
