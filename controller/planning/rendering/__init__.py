"""Renders plans: text for people, JSON for programs, Markdown for pull requests, one HTML page.

All but JSON share one table model; each format escapes in one place. Prints and stores nothing.
"""

from controller.planning.rendering.document import PLAN_SCHEMA, plan_document, plan_json
from controller.planning.rendering.pages import plan_html, plan_markdown
from controller.planning.rendering.text import plan_text

__all__ = ["PLAN_SCHEMA", "plan_document", "plan_html", "plan_json", "plan_markdown", "plan_text"]
