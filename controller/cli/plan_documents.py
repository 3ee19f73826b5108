"""Plans as documents: JSON, Markdown, HTML, and the file of `--out`."""

from __future__ import annotations

from controller.cli.plan_differences import Comparisons
from controller.cli.planning import Planned
from controller.planning.rendering.document import plan_json, saved_plan_json
from controller.planning.rendering.markdown import plan_markdown
from controller.planning.rendering.page import plan_html
from controller.questions.plan_views import plan_views


def plan_document(made: Planned, form: str, compared: Comparisons | None, *, everything: bool) -> str:
    """The plans as `json`, `markdown` or `html`."""
    if form == "json":
        return plan_json(made.plans, made.unplanned, everything=everything)
    shown = plan_markdown if form == "markdown" else plan_html
    return shown(plan_views(made.plans, compared), made.unplanned, everything=everything)


def saved_document(made: Planned, compared: Comparisons | None) -> str:
    """The plans with all that `apply --plan` and `comment` read."""
    return saved_plan_json(plan_views(made.plans, compared), made.unplanned)
