"""The node graph of an Archy file: tasks, menus, states and actions, their successors, and jumps between them.

A list of actions runs from top to bottom. An action's outputs hold lists of their own; after such a list, the flow
continues after the action. Actions that end a task, a state or the interaction lead only to the target of their jump.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.flows.diff_model import quoted
from controller.flows.nodes import FlowNode, NodeEdge, NodeGraph, NodeProblem
from controller.flows.walk import ACTION_LISTS, Place, walk

CONTAINERS: Mapping[str, str] = {"task": "tasks", "menu": "menus", "state": "states", "bot": "bots"}
"""Kinds of containers at a flow's top level, and the keys of their lists."""
_OWN_STATES = frozenset({"startUpState", "periodicState"})
_ENDING = re.compile(
    r"disconnect|menuDisconnect|end(Task|State|Flow|Workflow)|exit[A-Z]\w*|changeState|(j|menuJ)umpTo\w+|loop(Exit|Next)"
)
"""Actions without a successor."""
_KIND = re.compile(r"(?<![\w-])([\w-]++)\[")
_LOOPS = frozenset({"loop", "loopAnythingElse"})


def element_of(reference: str) -> tuple[str, str] | None:
    """Kind and name of the target of `/inboundCall/tasks/task[Main_10]`; None for any other text."""
    kind = _KIND.search(reference) if reference.endswith("]") else None
    return (kind[1], reference[kind.end() : -1]) if kind else None


def source_graph(document: Mapping[str, object], flow: str) -> NodeGraph:
    """The graph of a parsed Archy document. A jump to a missing target becomes a problem."""
    root, content = next(iter(document.items()))
    return _Builder(flow, tuple(walk(root, content))).build()


def is_container(place: Place) -> bool:
    """Whether a place is a container (task, menu, state, bot), as opposed to the inside of an action."""
    if not isinstance(place.value, Mapping) or place.action is not None or place.parent is None:
        return False
    if place.key in _OWN_STATES:
        return place.depth == 2
    above = place.parent.parent
    return isinstance(place.parent.key, int) and above is not None and CONTAINERS.get(str(place.key)) == above.key


def branch_label(actions: Place) -> str:
    """The output of its owner that a list of actions belongs to: `yes`, `case Open`; empty for a plain list."""
    parent = actions.parent
    if parent is None or not isinstance(parent.value, Mapping) or parent.is_action or is_container(parent):
        return ""
    if parent.parent is None:
        return "start"
    for key in ("name", "value"):
        text = plain_text(parent.value.get(key))
        if text:
            return f"{parent.key} {text}"
    return str(parent.key)


def surroundings(place: Place) -> str:
    """The enclosing action and the task, menu, state or bot around it; empty at the flow's top level."""
    around = [place, *_outwards(place)]
    action = place.action
    container = next((each for each in around if is_container(each)), None)
    titles = [f"action {_named(action)} ({action.key})"] if action is not None else []
    return " in ".join([*titles, *([f"{container.key} {_named(container)}"] if container is not None else [])])


def _named(place: Place) -> str:
    name = place.value.get("name") if isinstance(place.value, Mapping) else None
    return quoted(name) if isinstance(name, str) else "without a name"


def plain_text(value: object) -> str:
    """The text of a scalar or of `{lit|exp|var: scalar}`; empty for anything else."""
    if isinstance(value, Mapping) and len(value) == 1:
        value = next((value[key] for key in ("lit", "exp", "var") if key in value), None)
    return "" if value is None or isinstance(value, Mapping | list) else str(value)


@dataclass(slots=True)
class _Branch:
    """A list of actions, and the node before it."""

    owner: Place
    label: str
    choices: bool
    """Whether these are a menu's choices: they are alternatives, and the caller picks one."""
    members: list[Place] = field(default_factory=list)


class _Builder:
    """Builds one graph. Places are identified by their path."""

    def __init__(self, flow: str, places: tuple[Place, ...]) -> None:
        self._flow = flow
        self._places = places
        self._root = places[0]
        self._nodes: dict[int, FlowNode] = {}
        self._branches: dict[int, list[_Branch]] = {}
        self._targets: dict[tuple[str, str], Place] = {}
        self._after: dict[int, Place | None] = {}
        self._edges: dict[str, NodeEdge] = {}
        self._problems: list[NodeProblem] = []

    def build(self) -> NodeGraph:
        lists: dict[int, _Branch] = {}
        for place in self._places:
            if place is self._root or place.is_action or is_container(place):
                self._add_node(place, lists)
            if place.key in ACTION_LISTS and isinstance(place.value, list):
                branch = _Branch(_owner(place), branch_label(place), place.key == "choices")
                lists[id(place)] = branch
                self._branches.setdefault(id(branch.owner), []).append(branch)
        self._continue_lists()
        for place in self._places:
            if id(place) in self._nodes:
                self._lead_on(place)
            elif str(place.key).endswith("Ref") and isinstance(place.value, str):
                self._jump(place, place.value)
        return NodeGraph(tuple(self._nodes.values()), tuple(self._edges.values()), tuple(self._problems))

    def _add_node(self, place: Place, lists: dict[int, _Branch]) -> None:
        content = place.value if isinstance(place.value, Mapping) else {}
        name = content.get("name")
        name = name if isinstance(name, str) else ""
        local = place.path.removeprefix(f"{self._root.path}.") if place is not self._root else str(place.key)
        self._nodes[id(place)] = FlowNode(self._flow, local, str(place.key), name)
        for alias in (content.get("refId"), name):
            if isinstance(alias, str) and alias:
                self._targets.setdefault((str(place.key), alias), place)
        above = place.parent.parent if place.is_action and place.parent else None
        if above is not None and id(above) in lists:
            lists[id(above)].members.append(place)

    def _continue_lists(self) -> None:
        """Find the successor of each list: outer lists first, so that an inner list knows how its owner continues."""
        for place in self._places:
            for branch in self._branches.get(id(place), ()):
                # The last action of a loop leads back to the loop, any other to the action after its owner.
                end = place if place.key in _LOOPS else self._after.get(id(place))
                following = [None] * len(branch.members) if branch.choices else [*branch.members[1:], end]
                self._after.update(zip(map(id, branch.members), following, strict=False))

    def _lead_on(self, place: Place) -> None:
        branches = [branch for branch in self._branches.get(id(place), ()) if branch.members]
        for branch in branches:
            for member in branch.members if branch.choices else branch.members[:1]:
                self._connect(place, member, _choice_key(member) if branch.choices else branch.label)
        after = self._after.get(id(place))
        labels = {branch.label for branch in branches}
        # With all outputs covered, the flow never skips the branches and goes on directly.
        complete = labels >= {"yes", "no"} or "default" in labels
        kind = str(place.key)
        if after is not None and not complete and not _ENDING.fullmatch(kind):
            # After a transfer, only its failure leads on.
            self._connect(place, after, "failure" if kind.startswith("transferTo") else "otherwise" if labels else "")
        if kind in _OWN_STATES and not place.is_action:
            self._connect(self._root, place, "start" if kind == "startUpState" else "periodic")
        if kind in ("loopNext", "loopExit") and place.is_action:
            self._leave_loop(place, again=kind == "loopNext")

    def _leave_loop(self, place: Place, *, again: bool) -> None:
        loop = next((around for around in _outwards(place) if around.is_action and around.key in _LOOPS), None)
        target = loop if again or loop is None else self._after.get(id(loop))
        if target is not None:
            self._connect(place, target, "")

    def _jump(self, place: Place, text: str) -> None:
        source = place.parent
        while source is not None and id(source) not in self._nodes:
            source = source.parent
        named = element_of(text)
        if source is None:
            return
        target = self._targets.get(named) if named else None
        if target is None:
            message = f"{place.key} leads to {text!r}, which this flow does not have"
            self._problems.append(NodeProblem("unknown-target", place.path, message))
            return
        words = {"startUpRef": "start", "defaultChildMenuRef": "default"}
        calls = "call" if str(source.key).startswith("call") else "jump"
        self._connect(source, target, words.get(str(place.key), calls))

    def _connect(self, source: Place, target: Place, condition: str) -> None:
        start, end = self._nodes[id(source)], self._nodes[id(target)]
        label = f"{start.node} -> {end.node}" + (f" ({condition})" if condition else "")
        # A jump and the order of actions may give the same edge twice.
        self._edges.setdefault(label, NodeEdge(label, start.id, end.id, condition))


def _owner(actions: Place) -> Place:
    """The action, container or flow that holds these actions."""
    holders = (place for place in _outwards(actions) if place.is_action or is_container(place))
    return next(holders, actions.way()[0])


def _outwards(place: Place) -> Iterator[Place]:
    around = place.parent
    while around is not None:
        yield around
        around = around.parent


def _choice_key(member: Place) -> str:
    """The key that a caller presses for a choice, or the name of the choice."""
    if not isinstance(member.value, Mapping):
        return ""
    return plain_text(member.value.get("dtmf")) or plain_text(member.value.get("name"))
