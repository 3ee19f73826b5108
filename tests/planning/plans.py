"""Plans to render: one for each situation that a reviewer meets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from controller.planning.inputs import PlanInputs
from controller.planning.model import BaseView, HeldBack, Plan
from controller.planning.plan import make_plan
from controller.planning.rendering.view import FlowDifference, PlanView
from controller.questions.plan_views import mermaid_order
from tests.planning.compact import live_state, organization, recorded_state

HOSTILE = (
    "Main | <script>alert(1)</script> <!-- x --> `x` **b** ~~s~~ [a](http://e) ![i](https://e/i.png) @team mail@e.org "
    "www.example.com https://example.com #12 GH-1 o/r#3 o/r/issues/4 !5 ~bug %m $6 &7 ^alert#8 [issue:9] [[page]] "
    "{+x+} d8a994ef243349f321568f9e36d5c3f444b99cae :tada: $x$ \\ &lt; \r\n/close\n# h\n\x1b[31m\u202ered\u2028 😀 "
)
REVISION = "0123abc4567"


def plan_of(document: Mapping[str, Any], revision: str = REVISION) -> Plan:
    return make_plan(organization(document), live_state(document), recorded_state(document), PlanInputs(revision))


@cache
def created() -> PlanView:
    """One flow that does not exist yet."""
    return _view(plan_of({"desired": {"front": {"key": "inboundcall/Front Door", "digest": "a"}}}))


@cache
def updated() -> PlanView:
    """A module with 10 callers, 16 other changes of all kinds, and what changes inside two flows."""
    module = "commonmodule/Branded Greeting"
    callers = [f"menu-{number:02}" for number in range(10)]
    others = [f"queue-{number:02}" for number in range(13)]
    document: dict[str, Any] = {
        "organization": {"prune": True, "heal": True},
        "desired": {"greeting": {"key": module, "digest": "new"}}
        | {id_: {"key": f"inboundcall/{id_.title()}", "digest": id_, "calls": [module]} for id_ in callers}
        | {id_: {"key": f"inqueuecall/{id_.title()}", "digest": "new"} for id_ in others}
        | {
            "hours": {"key": "inboundcall/Opening Hours", "version": "2.0"},
            "holiday": {"key": "inboundcall/Holiday", "digest": "h", "calls": ["inboundcall/Opening Hours"]},
        },
        "live": {module: {"version": "3.0"}, "inboundcall/Opening Hours": {"version": "1.0"}}
        | {f"inboundcall/{id_.title()}": {"version": "4.0"} for id_ in callers}
        | {f"inqueuecall/{id_.title()}": {"version": f"{place}.0"} for place, id_ in enumerate(others)}
        | {"inboundcall/Old": {"version": "7.0"}},
        "recorded": {module: {"manifest": "greeting", "version": "3.0", "digest": "old"}}
        | {
            f"inboundcall/{id_.title()}": {
                "manifest": id_,
                "version": "4.0",
                "digest": id_,
                "consumed": {module: f"{place}.0"},
            }
            for place, id_ in enumerate(callers)
        }
        | {
            f"inqueuecall/{id_.title()}": {"manifest": id_, "version": f"{place}.0", "digest": "old"}
            for place, id_ in enumerate(others)
        }
        | {"inboundcall/Old": {"manifest": "old", "version": "7.0", "digest": "o"}},
    }
    words = (
        "action 'Play greeting' (playAudio) in task 'Main' > action 'Open?' (decision) > yes: speech: "
        '"Welcome to Example Bank. Please listen carefully, because our menu has changed." -> '
        '"Welcome to Example Bank."'
    )
    entries = (("~", words), ("+", "variable 'Flow.vip' (boolean)"))
    greeting = FlowDifference("greeting", "3.0 -> flows/greeting.yaml", entries)
    queue = FlowDifference("queue-00", "0.0 -> flows/queue-00.yaml", (("-", "action 'Wait' (playAudio)"),) * 5)
    return _view(plan_of(document), greeting, queue)


@cache
def blocked() -> PlanView:
    """A cycle, a lock and drift."""
    document: dict[str, Any] = {
        "desired": {
            "a": {"key": "inboundcall/A", "digest": "a", "calls": ["inboundcall/B"]},
            "b": {"key": "inboundcall/B", "digest": "b", "calls": ["inboundcall/A"]},
            "greeting": {"key": "commonmodule/Greeting", "digest": "g2"},
            "ivr": {"key": "inboundcall/Main IVR", "digest": "i", "calls": ["commonmodule/Greeting"]},
            "same": {"key": "inboundcall/Same", "digest": "s"},
        },
        "live": {
            "commonmodule/Greeting": {"version": "3.0"},
            "inboundcall/Main IVR": {"version": "4.0", "locked": {"name": "Jane"}},
            "inboundcall/Same": {"version": "5.0"},
            "inboundcall/By Hand": {"version": "1.0"},
        },
        "recorded": {
            "commonmodule/Greeting": {"manifest": "greeting", "version": "3.0", "digest": "g1"},
            "inboundcall/Main IVR": {
                "manifest": "ivr",
                "version": "4.0",
                "digest": "i",
                "consumed": {"commonmodule/Greeting": "3.0"},
            },
            "inboundcall/Same": {"manifest": "same", "version": "5.0", "digest": "s"},
        },
    }
    return _view(plan_of(document))


@cache
def refused() -> PlanView:
    """A limit and a closed window refuse the whole plan; the branch changes one flow of four."""
    held = (
        HeldBack(
            None,
            "safety-limit",
            "production: would change 12 of 20 flows (60 %, limit 30 %); raise safety.maxUpdatePercent or pass --force",
            None,
        ),
        HeldBack(None, "window-closed", "production: changes are not allowed now", "wait until 2026-01-05 22:00 UTC"),
        HeldBack("front", "not-confirmed", "taking a flow out of use needs a confirmation", None),
    )
    view = created()
    base = BaseView("main", "4567abc0123", flows=("front",), policy=("safety",), hidden_changes=3, hidden_drift=1)
    return replace(view, plan=replace(view.plan, held_back=held, view=base))


@cache
def nothing() -> PlanView:
    document = {
        "desired": {"same": {"key": "inboundcall/Same", "digest": "s"}},
        "live": {"inboundcall/Same": {"version": "5.0"}},
        "recorded": {"inboundcall/Same": {"manifest": "same", "version": "5.0", "digest": "s"}},
    }
    return PlanView(plan_of(document))


@cache
def many(count: int = 300) -> PlanView:
    """Changes of pinned versions, each with a difference inside."""
    ids = [f"flow-{number:03}" for number in range(count)]
    document: dict[str, Any] = {
        "desired": {id_: {"key": f"inboundcall/{id_.title()}", "version": "9.0"} for id_ in ids},
        "live": {f"inboundcall/{id_.title()}": {"version": f"{place}.1"} for place, id_ in enumerate(ids)},
    }
    text = "action 'Transfer' (transferToAcd) in task 'Main': target queue: 'Service' -> 'Service Night'"
    found = [FlowDifference(id_, f"{place}.1 -> 9.0", (("~", text),) * 3) for place, id_ in enumerate(ids[:100])]
    return _view(plan_of(document), *found)


@cache
def unlike(count: int = 300) -> PlanView:
    """The same changes, but no two share a reason."""
    view = many(count)
    return replace(view, plan=replace(view.plan, changes=tuple(replace(each, cause="") for each in view.plan.changes)))


def several() -> list[PlanView]:
    """Five organisations; two have nothing to do."""
    views = [updated(), blocked(), refused(), nothing(), nothing()]
    names = ("production-emea", "production-apac", "production-us", "staging", "development")
    return [replace(view, plan=replace(view.plan, organization=name)) for view, name in zip(views, names, strict=True)]


@cache
def hostile() -> PlanView:
    """Everything that can carry a name carries a hostile one."""
    name = HOSTILE
    document: dict[str, Any] = {
        "organization": {"name": name},
        "desired": {
            name: {"key": f"inboundcall/{name}", "digest": "a", "calls": [f"inboundcall/{name}2"]},
            **{f"{name}{n}": {"key": f"inboundcall/new {n} {name}", "digest": "a"} for n in range(3)},
            "late": {"key": f"inboundcall/late{name}", "digest": "a", "calls": [f"inboundcall/new 0 {name}"]},
        },
        "live": {f"inboundcall/{name}": {"version": "1|0", "locked": {"name": name}}},
        "recorded": {f"inboundcall/{name}": {"manifest": name, "version": "0.9", "digest": "old"}},
        "partial": [name],
    }
    view = _view(plan_of(document, f"{name}"), FlowDifference(name, f"1 -> {name}", (("~", name), (name, name))))
    held = HeldBack(name, name, name, name)
    base = BaseView(name, name, tuple(each.flow for each in view.plan.actions), settings=(name,), hidden_changes=1)
    return replace(view, plan=replace(view.plan, held_back=(held,), view=base))


def _view(plan: Plan, *differences: FlowDifference) -> PlanView:
    return PlanView(plan, differences or None, mermaid_order(plan))


CASES: dict[str, Callable[[], list[PlanView]]] = {
    "created": lambda: [created()],
    "updated": lambda: [updated()],
    "blocked": lambda: [blocked()],
    "refused": lambda: [refused()],
    "nothing": lambda: [nothing()],
    "many": lambda: [many()],
    "unlike": lambda: [unlike()],
    "several": several,
    "hostile": lambda: [hostile()],
}
