"""The path of one execution through the content of its flow: which tasks, menus and actions it passes, and how it ends.

The steps follow the flow's structure. The execution's id determines the path through decisions, so that one execution
always takes the same path. The events have the names of Genesys' sample (resource centre, historical flow execution
data).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.simulator.content import body, inner_mappings
from controller.simulator.execution import Execution
from controller.simulator.flow import Version
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.traffic import fraction

MOST_STEPS = 500
MOST_DEPTH = 5
_RENAMED = {"transferToFlow": "actionTransferFlow", "transferToFlowSecure": "actionTransferFlowSecure"}
_ENDS = {"disconnect": "DISCONNECT", "transfer": "TRANSFER", "endWorkflow": "COMPLETED", "exitBotFlow": "COMPLETED"}
_JUMPS = frozenset({"jumpToTask", "jumpToMenu", "changeState"})
"""Actions that end their task and continue elsewhere without returning."""
_PATHS = {
    "yes": "__YES__",
    "no": "__NO__",
    "found": "__FOUND__",
    "notFound": "__NOT_FOUND__",
    "success": "__SUCCESS__",
    "failure": "__FAILURE__",
    "timeout": "__TIMEOUT__",
    "loop": "__LOOP__",
    "default": "__DEFAULT__",
}
JSON = dict[str, object]


@dataclass(slots=True)
class WalkStep:
    """One event of the file, without its time."""

    event: str
    payload: JSON
    nested: list[WalkStep] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of its steps, itself included."""
        return 1 + sum(step.size for step in self.nested)


def walk(organization: SimulatedOrganization, version: Version, execution: Execution) -> list[WalkStep]:
    """The steps from `startedFlow` to `endedFlow`. A failed execution ends with an error."""
    return _Walk(organization, version, execution).flow()


@dataclass(slots=True)
class _Walk:
    organization: SimulatedOrganization
    version: Version
    execution: Execution
    depth: int = 0
    steps: list[WalkStep] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    content: Mapping[str, object] = field(default_factory=dict)
    exit_reason: str | None = None
    jump: Mapping[str, object] | None = None
    """The jump that continues after the running task."""
    count: int = 0

    def flow(self) -> list[WalkStep]:
        self.content = content = body(self.version.text)
        started = {"variableId": "__FLOW_VERSION__", "variableName": "Flow.Version", "value": self.version.id}
        language = content.get("defaultLanguage") or "en-us"
        self._add("startedFlow", {"languageTag": language, "variables": [started], **_greeting(content)})
        self._container(content)
        if self.execution.error:
            self._fail()
        self._add("endedFlow", {"flowExitReason": self.exit_reason or "COMPLETED", "outputVariables": []})
        return self.steps

    def module(self) -> list[WalkStep]:
        self._add("startedCommonModule", {"variables": []})
        self._container(body(self.version.text))
        self._add("endedCommonModule", {"outputVariables": []})
        return self.steps

    def _add(self, event: str, payload: JSON) -> WalkStep:
        self.count += 1
        step = WalkStep(event, payload)
        self.steps.append(step)
        return step

    def _fail(self) -> None:
        """Put the error on the last action. The file's error format is not documented, so it is given in two ways."""
        at = next((step for step in reversed(self.steps) if step.event.startswith("action")), None)
        problem = {"reason": self.execution.error, "message": f"The action failed: {self.execution.error}"}
        if at:
            at.payload["errors"] = [problem]
        self._add("eventError", {"executionId": self._id(), "errors": [problem]})
        self.exit_reason = "FLOW_ERROR_DISCONNECT"

    def _id(self) -> str:
        return self.organization.identifier("step", self.execution.id, str(self.depth), str(self.count))

    def _container(self, content: Mapping[str, object]) -> None:
        """Walk the starting container: the target of `startUpRef`, or the start-up actions."""
        actions = content.get("startUpTaskActions")
        if isinstance(actions, list):
            self._task("Starting Task", actions)
            return
        if found := _find(content, _referenced(content.get("startUpRef"))):
            self._enter(found)

    def _enter(self, container: Mapping[str, object]) -> None:
        identifier = str(container.get("refId") or container.get("name") or "")
        name = str(container.get("name") or identifier)
        if identifier in self.visited:
            return
        self.visited.add(identifier)
        actions, choices = container.get("actions"), container.get("choices")
        if isinstance(actions, list):
            self._task(name, actions)
        elif isinstance(choices, list) and choices:
            self._menu(name, choices[int(fraction(self.execution.id, name) * len(choices))])

    def _menu(self, name: str, choice: object) -> None:
        """Walk one choice of a menu: a task, or an action such as `menuDisconnect`."""
        for kind, settings in choice.items() if isinstance(choice, Mapping) else ():
            menu_id = self.organization.identifier("menu", self.version.text, name)
            self._add(str(kind), {"menuId": menu_id, "menuName": name, "executionId": self._id()})
            task = settings.get("task") if isinstance(settings, Mapping) else None
            if isinstance(task, Mapping):
                self._task(str(task.get("name") or name), _actions_of(task))
            self._leave(str(kind).removeprefix("menu").lower())

    def _task(self, name: str, actions: list[object]) -> None:
        task_id = self.organization.identifier("task", self.version.text, name)
        self._add("startedTask", {"executionId": self._id(), "taskId": task_id, "taskName": name, "variables": []})
        self._actions(actions)
        self._add("endedTask", {"outputVariables": []})
        target, self.jump = self.jump, None
        if target:
            self._enter(target)

    def _actions(self, actions: list[object]) -> None:
        for action in actions:
            if self.exit_reason or self.jump or self.count >= MOST_STEPS or not isinstance(action, Mapping):
                return
            for kind, settings in action.items():
                if isinstance(settings, Mapping):
                    self._action(str(kind), settings)

    def _action(self, kind: str, settings: Mapping[str, object]) -> None:
        event = _RENAMED.get(kind, f"action{kind[0].upper()}{kind[1:]}")
        name = str(settings.get("name") or kind)
        action_id = self.organization.identifier("action", self.version.text, kind, name)
        payload: JSON = {"actionId": action_id, "actionName": name, "executionId": self._id()}
        step = self._add(event, payload | {"trackingId": self.version.number * 1000 + 10 + self.count})
        if kind == "updateData":
            step.payload["statements"] = _statements(settings.get("statements"))
        elif kind == "decision":
            step.payload["inputData"] = {"condition": self._luck(settings) < 0.5}
        elif kind == "callCommonModule":
            self._call(settings, step)
        if path := self._path(kind, settings):
            path_name, actions = path
            path_id = self.organization.identifier("path", self.version.text, name, path_name)
            step.payload["outputPathId"] = _PATHS.get(path_name, path_id)
            step.payload["outputPathName"] = path_name
            self._actions(actions)
        if kind in _JUMPS:
            self.jump = self._target(settings)
        elif kind == "callTask" and (called := self._target(settings)):
            self._enter(called)
        self._leave(kind)

    def _target(self, settings: Mapping[str, object]) -> Mapping[str, object] | None:
        """The task, menu or state that an action refers to."""
        reference = next((_referenced(value) for key, value in settings.items() if str(key).endswith("Ref")), None)
        return _find(self.content, reference) if reference else None

    def _call(self, settings: Mapping[str, object], step: WalkStep) -> None:
        """Walk a module in the version that the caller was bound to at its publish."""
        modules = settings.get("commonModule")
        name = next(iter(modules), None) if isinstance(modules, Mapping) else None
        for flow_id, bound in self.version.bindings.items():
            flow = self.organization.state.flows[flow_id]
            version = flow.version(bound)
            if flow.name == name and version and self.depth < MOST_DEPTH:
                called = {"flowId": flow.id, "flowName": flow.name, "flowVersion": bound}
                step.payload |= {"inputData": {"commonModule": called, "inputs": []}, "outputData": {"outputs": []}}
                step.nested = _Walk(self.organization, version, self.execution, self.depth + 1).module()
                self.count += step.size
                return

    def _path(self, kind: str, settings: Mapping[str, object]) -> tuple[str, list[object]] | None:
        """The output that an action takes, and the actions below it."""
        outputs = settings.get("outputs")
        given = outputs.items() if isinstance(outputs, Mapping) else ()
        paths = {str(name): _actions_of(value) for name, value in given}
        if kind == "decision":
            taken = "yes" if self._luck(settings) < 0.5 else "no"
            return taken, paths.get(taken, [])
        if not paths:
            return None
        happy = next((name for name in ("success", "found", "loop") if name in paths), None)
        taken = happy or sorted(paths)[int(self._luck(settings) * len(paths))]
        return taken, paths[taken]

    def _luck(self, settings: Mapping[str, object]) -> float:
        return fraction(self.execution.id, str(self.count), str(settings.get("name")))

    def _leave(self, kind: str) -> None:
        for prefix, reason in _ENDS.items():
            if kind.startswith(prefix):
                self.exit_reason = reason


def _referenced(reference: object) -> str | None:
    """`Main_10` of `/inboundCall/tasks/task[Main_10]`; the reference may be the `text` of an object."""
    text = reference.get("text") if isinstance(reference, Mapping) else reference
    if not isinstance(text, str) or not text.rstrip().endswith("]"):
        return None
    _, bracket, name = text.rstrip()[:-1].partition("[")
    return name if bracket else None


def _greeting(content: Mapping[str, object]) -> JSON:
    """The greeting of a call. The format of its items is not documented."""
    greeting = content.get("initialGreeting")
    said = greeting.get("tts") if isinstance(greeting, Mapping) else None
    return {"audio": {"toParticipant": {"audioItems": [{"text": said}]}}} if isinstance(said, str) else {}


def _actions_of(output: object) -> list[object]:
    actions = output.get("actions") if isinstance(output, Mapping) else None
    return actions if isinstance(actions, list) else []


def _statements(statements: object) -> list[JSON]:
    """`[{string: {variable, value: {lit}}}]` in the format of the file."""
    shown: list[JSON] = []
    for assigned in inner_mappings(statements):
        value, name = assigned.get("value"), str(assigned.get("variable"))
        literal = value.get("lit") if isinstance(value, Mapping) else None
        shown.append({"value": literal, "variableId": name.lower(), "variableName": name})
    return shown


def _find(content: Mapping[str, object], wanted: str | None) -> Mapping[str, object] | None:
    """The task, state, menu or bot with this reference id; without an id, the first one."""
    first: Mapping[str, object] | None = None
    for group in ("tasks", "states", "bots", "menus"):
        for container in inner_mappings(content.get(group)):
            first = first or container
            if wanted in (container.get("refId"), container.get("name")):
                return container
    return first
