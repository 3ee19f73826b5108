"""Planning: graph, order, diff, plan, guard and rendering. Pure: values in, values out.

Never calls an organisation, git, the store or the file system.
"""

from controller.planning.guard import Confirmations, guard, refusals
from controller.planning.model import Blocked, Change, ChangeKind, Drift, Plan, PlanInputs, Quarantine
from controller.planning.plan import make_plan

__all__ = [
    "Blocked",
    "Change",
    "ChangeKind",
    "Confirmations",
    "Drift",
    "Plan",
    "PlanInputs",
    "Quarantine",
    "guard",
    "make_plan",
    "refusals",
]
