"""Renders plans as one HTML page without script, font or request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from controller.domain.visible import visible
from controller.planning.model import Unplanned
from controller.planning.rendering.page import page, unplanned_page
from controller.planning.rendering.view import PlanView

if TYPE_CHECKING:
    from jinja2 import Environment


def plan_html(views: Iterable[PlanView], unplanned: Iterable[Unplanned] = (), *, everything: bool = False) -> str:
    """The page, ending with a newline. The template engine escapes every value."""
    pages = [*(page(view, everything=everything) for view in views), *map(unplanned_page, unplanned)]
    text = (
        _environment().get_template("plan.html.jinja").render(pages=pages, unlisted=[each.unlisted for each in pages])
    )
    # Lone halves of surrogate pairs cannot be written as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # most plans are shown as text

    environment = Environment(
        loader=PackageLoader("controller.planning.rendering", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    return environment
