"""The one stylesheet, the one script and the icon, at addresses that change with their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from controller.diagnosis.document import colors

_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load."""

    name: str
    media_type: str
    content: bytes

    @property
    def address(self) -> str:
        """`/assets/style.0123456789ab.css`: a new content has a new address, so that browsers may keep it."""
        stem, _, ending = self.name.partition(".")
        return f"/assets/{stem}.{hashlib.sha256(self.content).hexdigest()[:12]}.{ending}"


@dataclass(frozen=True, slots=True)
class Assets:
    """The addresses that a template writes."""

    style: str
    script: str
    icon: str


@cache
def assets() -> Assets:
    """The addresses of the assets."""
    style, script, icon = (each.address for each in _all())
    return Assets(style, script, icon)


@cache
def _all() -> tuple[Asset, ...]:
    style = colors() + _own("style.css.jinja") + _of_plans()
    return (
        Asset("style.css", "text/css", style.encode()),
        Asset("watch.js", "text/javascript", _own("watch.js.jinja").encode()),
        Asset("icon.svg", "image/svg+xml", _own("icon.svg.jinja").encode()),
    )


def _own(name: str) -> str:
    return (resources.files("controller.service.pages") / "templates" / name).read_text(encoding="utf-8")


def _of_plans() -> str:
    folder = resources.files("controller.planning.rendering") / "templates"
    return (folder / "plan_parts.css.jinja").read_text(encoding="utf-8")


async def _asset(request: Request) -> Response:
    for each in _all():
        if each.address == request.url.path:
            return Response(each.content, media_type=each.media_type, headers={"cache-control": _FOREVER})
    return Response(status_code=404)


def asset_routes() -> list[Route]:
    """They hold nothing of any organisation, and are open."""
    return [Route("/assets/{name}", _asset, methods=["GET", "HEAD"])]
