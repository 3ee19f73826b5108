"""Paths with any name in them: a flow's name may have slashes, and even line ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import BaseRoute, Mount
from starlette.types import Receive, Scope, Send

PREFIX: Final = "/api/v1"
WHOLE: Final = "whole"
"""`{flow:whole}` is one name, with all that is in it. Starlette's own `path` ends at a line end."""
_SLASH: Final = "\udc2f"
"""A slash of a name within a path: half of a pair, which no decoded path has."""
_BEFORE: Final = (*PREFIX.split("/"), "organizations", None, "flows")
"""The parts of a path before the name of a flow; None is any name."""


class _WholeConvertor(StringConvertor):
    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")


class ApiMount(Mount):
    """The API at its prefix, whatever follows.

    A flow's name whose slashes are written as `%2F` is one part of the path: `/flows/a%2Fdiff` is the flow `a/diff`,
    and `/flows/a/diff` the difference of the flow `a`.
    """

    def __init__(self, make: Callable[[], Starlette]) -> None:
        """`make` is called at the first request: a start need not wait for all routes and their schemas."""
        super().__init__(PREFIX, self._ask, name="api")
        self._api = cache(make)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A scope of its own: the server writes the path of its own one into the log, which takes no half of a pair.
        await super().handle({**scope, "path": _path(scope)}, receive, send)

    @property
    def routes(self) -> list[BaseRoute]:
        return self._api().routes

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._api()(scope, receive, send)


def _path(scope: Scope) -> str:
    """The path, in which a slash that was written as `%2F` in a flow's name is told from the others."""
    path: str = scope["path"]
    parts = [unquote(part) for part in scope.get("raw_path", b"").decode("ascii", "replace").split("/")]
    place = len(_BEFORE)
    known = all(wanted in (None, part) for wanted, part in zip(_BEFORE, parts, strict=False))
    if len(parts) <= place or not known or "/".join(parts) != path:
        return path
    return "/".join([*parts[:place], parts[place].replace("/", _SLASH), *parts[place + 1 :]])


register_url_convertor(WHOLE, _WholeConvertor())
