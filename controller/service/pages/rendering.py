"""Fills templates. The template engine escapes every value, and a name that it does not know is an error."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from controller.domain.page_addresses import flow_address, organization_address, sync_address
from controller.domain.recorded import NO_REVISION
from controller.domain.redaction import SECRETS
from controller.domain.visible import visible
from controller.service.pages.hints import on_page
from controller.service.pages.shown import counts, figures, iso, look, shares, short, shown_moment, shown_span
from controller.store.running import NOT_MOVING


def fill(template: str, **values: Any) -> str:
    """The page of a template, without secrets."""
    text = _environment().get_template(f"{template}.html.jinja").render(values)
    # Lone halves of surrogate pairs cannot be written as UTF-8.
    return SECRETS.plain(text.encode("utf-8", "replace").decode("utf-8"))


@cache
def _environment() -> Environment:
    environment = Environment(
        # The parts of a plan are those of `penstock plan --format html`.
        loader=ChoiceLoader(
            [PackageLoader("controller.service.pages"), PackageLoader("controller.planning.rendering")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": visible,
        "on_page": on_page,
        "look": look,
        "iso": iso,
        "moment": shown_moment,
        "span": shown_span,
        "short": short,
        "shares": shares,
        "moving": lambda state: state not in NOT_MOVING,
        "tone": lambda word: look(word).tone,
        "figures": figures,
        "counts": counts,
    }
    environment.globals |= {
        "to_organization": organization_address,
        "to_flow": flow_address,
        "to_sync": sync_address,
        "NO_REVISION": NO_REVISION,
    }
    return environment
