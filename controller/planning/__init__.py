"""Makes, guards and renders plans. Pure: values in, values out.

`plan` builds the graph, and `walk` decides each flow (`situation` in, `decide`, `block`, a `draft` out). `orphans`
plans removals, `drift` and `digests` describe the result (`model`). `guard` refuses what windows, limits and
approvals do not allow; `rendering` shows a plan. Never calls an organisation, git, the store or the file system.
"""

from controller.planning.guard import Confirmations, confirmed_part, guard, refusals
from controller.planning.model import (
    Authored,
    Blocked,
    Change,
    ChangeKind,
    Drift,
    HeldBack,
    Plan,
    PlanInputs,
    Quarantine,
    UnderWay,
    Unrecorded,
)
from controller.planning.plan import make_plan
from controller.planning.rendering import (
    PLAN_SCHEMA,
    plan_document,
    plan_html,
    plan_json,
    plan_markdown,
    plan_text,
)

__all__ = [
    "PLAN_SCHEMA",
    "Authored",
    "Blocked",
    "Change",
    "ChangeKind",
    "Confirmations",
    "Drift",
    "HeldBack",
    "Plan",
    "PlanInputs",
    "Quarantine",
    "UnderWay",
    "Unrecorded",
    "confirmed_part",
    "guard",
    "make_plan",
    "plan_document",
    "plan_html",
    "plan_json",
    "plan_markdown",
    "plan_text",
    "refusals",
]
