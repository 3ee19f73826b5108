"""Renders plans as one self-contained HTML page: no script, no font, no request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from controller.domain.visible import visible
from controller.planning.model import Plan
from controller.planning.rendering.table import tables

if TYPE_CHECKING:
    from jinja2 import Environment


def plan_html(plans: Iterable[Plan], *, everything: bool = False) -> str:
    """The page, ending with a newline. The template engine escapes every value."""
    return _environment().get_template("plan.html.jinja").render(tables=tables(plans, everything=everything))


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
